/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include "archive/pod_manifest.h"
#include "cli/answer.h"
#include "cli/inspect.h"
#include "cli/node.h"
#include "program/memory.h"
#include "cli/show_pods.h"
#include "cli/table.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/location.h"

#define SHORT_ID 12

static const char *target;
static struct pods_view view;

static const struct option_spec options[] = {
        {.name = "target",
         .letter = 't',
         .type = OPTION_TEXT,
         .value = &target,
         .metavar = "DIR|TAR",
         .help = "the directory or tar with the checkpoints of pods, " PODSET_KUBELET " by default"},
        {.name = "show-pod-uid", .type = OPTION_FLAG, .value = &view.uid, .help = "show the UIDs of pods"},
        {.name = "show-pod-ip", .type = OPTION_FLAG, .value = &view.ip, .help = "show the addresses of pods"},
        {.name = "print-stats",
         .type = OPTION_FLAG,
         .value = &view.statistics,
         .help = "print the statistics of CRIU"},
};

/* What one argument turned out to be: one of the three. */
struct exhibit {
        const char *path;
        struct inspection *inspection;
        struct podset *set;
        struct pod_archive *pod;
};

static void add_row(struct table *table, const struct metadata *metadata, bool with_rootfs)
{
        char text[UNIT_TEXT_SIZE], time[TIME_TEXT_SIZE], id[SHORT_ID + 1];

        snprintf(id, sizeof(id), "%s", metadata->container_id);
        table_cell(table, metadata->container_name);
        table_cell(table, metadata->image_name);
        table_cell(table, id);
        table_cell(table, metadata->runtime);
        table_cell(table, inspection_created(metadata, time));
        table_cell(table, engine_name(metadata->engine));
        table_cell(table, size_format(metadata->checkpoint_size, text));
        if (with_rootfs)
                table_cell(table, size_format(metadata->rootfs_diff_size, text));
}

static struct table *new_table(bool with_rootfs)
{
        static const char *const headings[] = {"CONTAINER", "IMAGE",  "ID",        "RUNTIME",
                                               "CREATED",   "ENGINE", "CHKPT SIZE"};
        struct table *table = table_new();

        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        if (with_rootfs)
                table_column(table, "ROOT FS DIFF SIZE");
        return table;
}

/* As in checkpointctl, a single archive is named above the table and has no column for what it has not. */
static void print_containers(const struct exhibit *exhibits, int count)
{
        const struct exhibit *first = NULL;
        bool several = false;
        _cleanup_table_ struct table *table = NULL;

        for (int i = 0; i < count; i++) {
                several |= first && exhibits[i].inspection;
                if (!first && exhibits[i].inspection)
                        first = &exhibits[i];
        }
        if (!first)
                return;
        several |= first->inspection->metadata->rootfs_diff_size > 0;
        table = new_table(several);
        for (int i = 0; i < count; i++)
                if (exhibits[i].inspection)
                        add_row(table, exhibits[i].inspection->metadata, several);
        if (count == 1)
                printf("\nDisplaying container checkpoint data from %s\n\n", first->path);
        table_print(table, stdout);
}

static int print_statistics(const struct exhibit *exhibits, int count, struct error *err)
{
        _cleanup_grid_ struct grid *grid = grid_new();
        int found = 0;

        if (count > 1)
                grid_column(grid, "CONTAINER");
        statistics_columns(grid);
        for (int i = 0; i < count; i++) {
                const struct inspection *inspection = exhibits[i].inspection;

                if (!inspection)
                        continue;
                if (!inspection->dump->statistics.present)
                        return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT,
                                         "`%s` has no statistics of CRIU (`stats-dump`)", exhibits[i].path);
                if (count > 1)
                        grid_cell(grid, inspection->metadata->container_name);
                statistics_cells(grid, &inspection->dump->statistics);
                found++;
        }
        if (!found)
                return 0;
        puts("CRIU dump statistics");
        grid_print(grid, stdout);
        return 0;
}

static int print_tables(const struct exhibit *exhibits, int count, struct error *err)
{
        int ret = 0;

        print_containers(exhibits, count);
        if (view.statistics)
                ret = print_statistics(exhibits, count, err);
        for (int i = 0; i < count; i++) {
                if (exhibits[i].set)
                        podset_show(exhibits[i].set, &view);
                else if (exhibits[i].pod)
                        pod_archive_show(exhibits[i].pod, &view);
        }
        return ret;
}

static int print_json(const struct exhibit *exhibits, int count, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *array = yyjson_mut_arr(doc), *object;

        yyjson_mut_doc_set_root(doc, array);
        for (int i = 0; i < count; i++) {
                if (exhibits[i].set)
                        object = podset_to_json(exhibits[i].set, &view, doc);
                else if (exhibits[i].pod)
                        object = pod_archive_to_json(exhibits[i].pod, &view, doc);
                else
                        object = inspection_to_json(exhibits[i].inspection, doc);
                answer_add_text(doc, object, "path", exhibits[i].path);
                yyjson_mut_arr_append(array, object);
        }
        return answer_print(doc, err);
}

/* A tar that is no checkpoint of a container may hold checkpoints of pods. */
static int load_pods(struct exhibit *exhibit, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error reason = {0};
        int ret = archive_open_any(exhibit->path, &archive, &reason);

        if (ret < 0 || (!archive_find(archive, PODS_NAME) && !pod_archive_recognise(archive)))
                return -EBADMSG; /* `err` says that it is no checkpoint */
        *err = (struct error){0};
        ret = archive_find(archive, PODS_NAME) ? podset_open_in(archive, &exhibit->set, err)
                                               : pod_archive_load(archive, &exhibit->pod, err);
        if (ret == 0)
                archive = NULL;
        return ret;
}

static bool has_pods(const char *path)
{
        _cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return dir >= 0 && faccessat(dir, PODS_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* `pods_wanted`: it was not named as a checkpoint, so if it is a directory it is one of pods. */
static int load(const char *path, bool pods_wanted, struct exhibit *exhibit, struct error *err)
{
        struct stat st;
        int ret;

        exhibit->path = path;
        if (location_is_path(path) && has_pods(path))
                return podset_open(path, &exhibit->set, err);
        ret = inspection_load(path, view.statistics ? INSPECT_STATISTICS : 0, 0, &exhibit->inspection, err);
        if (ret == 0 || err->kind != &ERROR_ARCHIVE_NOT_ONE || !location_is_path(path))
                return ret;
        if (pods_wanted && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
                *err = (struct error){0};
                return podset_open(path, &exhibit->set, err);
        }
        return load_pods(exhibit, err);
}

static void exhibit_done(struct exhibit *exhibit)
{
        if (exhibit->inspection)
                inspection_free(exhibit->inspection);
        if (exhibit->set)
                podset_free(exhibit->set);
        if (exhibit->pod)
                pod_archive_free(exhibit->pod);
}

static int show(const struct cli *cli, int count, char **paths, bool pods_wanted, struct error *err)
{
        struct exhibit *exhibits = memory_grow(NULL, (size_t)count, sizeof(*exhibits));
        int ret = 0;

        memset(exhibits, 0, (size_t)count * sizeof(*exhibits));
        for (int i = 0; i < count && ret == 0; i++)
                ret = load(paths[i], pods_wanted, &exhibits[i], err);
        if (ret == 0)
                ret = cli->json ? print_json(exhibits, count, err) : print_tables(exhibits, count, err);
        for (int i = 0; i < count; i++)
                exhibit_done(&exhibits[i]);
        free(exhibits);
        return ret;
}

/* The archives of a pod in the place of its directory or pod.json. */
static int expand(char *path, char ***paths, int *count, struct error *err)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = NULL;
        int ret = pod_manifest_is_one(path) ? pod_manifest_load(path, &manifest, err) : 0;
        size_t more = manifest ? manifest->count : 1;

        if (ret < 0)
                return ret;
        *paths = memory_grow(*paths, (size_t)*count + more, sizeof(**paths));
        for (size_t i = 0; ret == 0 && i < more; i++) {
                if (!manifest)
                        (*paths)[*count] = memory_copy(path);
                else
                        ret = pod_part_path(manifest, &manifest->parts[i], &(*paths)[*count], err);
                *count += ret == 0;
        }
        return ret;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_free_ char *directory = memory_copy(target ? target : PODSET_KUBELET);
        char **paths = NULL;
        int count = 0, ret = 0;

        if (node_is_used() && (target || !argc))
                return error_set(err, &ERROR_USAGE, -EINVAL, "show needs FILE with --node");
        if (target && argc)
                return error_set(err, &ERROR_USAGE, -EINVAL, "show takes either --target or FILE, not both");
        if (!argc)
                return show(cli, 1, &directory, true, err);
        for (int i = 0; i < argc && ret == 0; i++)
                ret = expand(argv[i], &paths, &count, err);
        if (ret == 0)
                ret = show(cli, count, paths, false, err);
        for (int i = 0; i < count; i++)
                free(paths[i]);
        free(paths);
        return ret;
}

const struct verb verb_show = {
        .name = "show",
        .usage = "[FILE...]",
        .summary = "show an overview of checkpoints",
        .description =
                "Shows container, image, engine and sizes of one or several checkpoints "
                "as a table.\n\n" VERB_FILE_PLACES
                " With --json, prints an array with one object for each FILE.\n\n"
                "Of the checkpoint of a pod (the directory that create --pod makes, or pod.json in it), "
                "the archives of all containers are shown.\n\n"
                "A directory with the file checkpointed.pods, a tar that extract made of one, and "
                "the archive of a pod (pod.dump) are shown as checkpoints of pods. Without FILE, "
                "shows those in " PODSET_KUBELET ".",
        .examples = "checkpointctl show checkpoint-*.tar\tan overview of all checkpoints here\n"
                    "checkpointctl show oci:images:web\tof an image, without unpacking it\n"
                    "checkpointctl show\tthe pods in the kubelet's checkpointed.pods\n"
                    "checkpointctl show --target /tmp/checkpoints.tar\tthe pods in an extracted tar",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_max = UINT_MAX,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
