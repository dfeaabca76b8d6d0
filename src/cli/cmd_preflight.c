/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check_table.h"
#include "cli/choices.h"
#include "cli/progress_bar.h"
#include "oci/location.h"
#include "runtime/restore.h"

#define NO_CHOICE (-1)

static int runtime = NO_CHOICE, tcp = TCP_REFUSE;
static bool restore, file_locks;
static uint64_t ghost_limit;

static const struct option_spec options[] = {
        {"restore", 0, OPTION_FLAG, &restore, NULL,
         "take the argument for a file or image even if there is none"},
        {"runtime", 0, OPTION_CHOICE, &runtime, NULL, "look here, or restore with this", runtime_choices},
        {"tcp", 0, OPTION_CHOICE, &tcp, NULL, "as it would be given to create or restore", tcp_choices},
        {"file-locks", 0, OPTION_FLAG, &file_locks, NULL, "as it would be given to create or restore"},
        {"ghost-limit", 0, OPTION_SIZE, &ghost_limit, "SIZE", "as it would be given to create"},
};

static int check_container(const char *name, const struct runtime_driver *only, struct check_list *list,
                           struct error *err)
{
        const struct checkpoint_options chosen = {.output = ".",
                                                  .tcp = (enum tcp_policy)tcp,
                                                  .file_locks = file_locks,
                                                  .ghost_limit = ghost_limit};
        const struct runtime_driver *driver;
        _cleanup_container_ struct container *container = NULL;
        int ret = runtime_find_container(name, only, &driver, &container, err);

        return ret < 0 ? ret : preflight_checkpoint(container, &chosen, list, err);
}

static int check_checkpoint(const char *text, const struct runtime_driver *driver,
                            const struct progress *progress, struct check_list *list, struct error *err)
{
        const struct restore_options chosen = {.tcp = (enum tcp_policy)tcp, .file_locks = file_locks};

        return restore_check(text, driver, &chosen, progress, list, err);
}

static bool is_checkpoint(const char *text)
{
        return restore || !location_is_path(text) || access(text, F_OK) == 0;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_check_list_ struct check_list list = {0};
        const struct runtime_driver *driver = NULL;
        int ret = runtime == NO_CHOICE ? 0 : runtime_driver_find(runtime_choices[runtime], &driver, err);

        if (ret < 0)
                return ret;
        if (is_checkpoint(argv[0]))
                ret = check_checkpoint(argv[0], driver, progress_bar_progress(bar), &list, err);
        else
                ret = check_container(argv[0], driver, &list, err);
        progress_bar_finish(bar);
        return ret < 0 ? ret : check_table_print(&list, argv[0], cli, err);
}

const struct verb verb_preflight = {
        .name = "preflight",
        .usage = "CONTAINER|FILE|IMAGE",
        .summary = "say beforehand whether a checkpoint or a restore will work",
        .description = "For a container: whether it can be checkpointed. For an archive or an "
                       "image: whether it can be restored on this machine. Nothing is frozen or "
                       "changed. Each check has a result, a reason and a remedy; the exit "
                       "status is 5 when one has failed.\n\n"
                       "An argument that is an existing file, - or starts with oci: or "
                       "oci-archive: is a checkpoint, any other is a container.",
        .examples = "checkpointctl preflight web\tcan this container be checkpointed?\n"
                    "checkpointctl preflight web.tar\tcan this archive be restored here?",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_CONTAINER,
        .arguments_min = 1,
        .arguments_max = 1,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
