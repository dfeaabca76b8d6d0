/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include "cli/answer.h"
#include "cli/inspect.h"
#include "cli/verb.h"

enum format { FORMAT_TREE, FORMAT_JSON };

static bool all, statistics, mounts, processes, commands, environment, files, sockets, metadata, credentials,
        timers, signals, cgroups, network;
static uint64_t pid;
static int format = FORMAT_TREE;
static const char *const formats[] = {"tree", "json", NULL};

static const struct option_spec options[] = {
        {"all", 0, OPTION_FLAG, &all, NULL, "show everything"},
        {"stats", 0, OPTION_FLAG, &statistics, NULL, "show CRIU's statistics of the dump"},
        {"metadata", 0, OPTION_FLAG, &metadata, NULL, "show pod and annotations"},
        {"mounts", 0, OPTION_FLAG, &mounts, NULL, "show the mounts of the container"},
        {"ps-tree", 0, OPTION_FLAG, &processes, NULL, "show the processes"},
        {"ps-tree-cmd", 0, OPTION_FLAG, &commands, NULL, "show the processes with their command lines"},
        {"ps-tree-env", 0, OPTION_FLAG, &environment, NULL,
         "show the processes with their environment variables"},
        {"files", 0, OPTION_FLAG, &files, NULL, "show the processes with their open files"},
        {"sockets", 0, OPTION_FLAG, &sockets, NULL, "show the processes with their open sockets"},
        {"credentials", 0, OPTION_FLAG, &credentials, NULL,
         "show the processes with their users, capabilities and seccomp mode"},
        {"timers", 0, OPTION_FLAG, &timers, NULL, "show the processes with their timers"},
        {"signals", 0, OPTION_FLAG, &signals, NULL,
         "show the processes with signals that are pending, blocked, caught or ignored"},
        {"cgroups", 0, OPTION_FLAG, &cgroups, NULL, "show the control groups of the processes"},
        {"net", 0, OPTION_FLAG, &network, NULL, "show the network devices and their addresses"},
        {"pid", 'p', OPTION_NUMBER, &pid, "PID", "show only this process and those below it"},
        {"format", 0, OPTION_CHOICE, &format, NULL, "form of the output", formats},
};

static unsigned chosen_parts(void)
{
        unsigned parts = all ? INSPECT_ALL : 0;

        parts |= statistics ? INSPECT_STATISTICS : 0;
        parts |= metadata ? INSPECT_METADATA : 0;
        parts |= mounts ? INSPECT_MOUNTS : 0;
        parts |= processes || pid ? INSPECT_PROCESSES : 0;
        parts |= commands ? INSPECT_COMMANDS : 0;
        parts |= environment ? INSPECT_ENVIRONMENT : 0;
        parts |= files ? INSPECT_FILES : 0;
        parts |= sockets ? INSPECT_SOCKETS : 0;
        parts |= credentials ? INSPECT_CREDENTIALS : 0;
        parts |= timers ? INSPECT_TIMERS : 0;
        parts |= signals ? INSPECT_SIGNALS : 0;
        parts |= cgroups ? INSPECT_CGROUPS : 0;
        parts |= network ? INSPECT_NETWORK : 0;
        return parts;
}

static int print_tree(const char *path, struct error *err)
{
        _cleanup_inspection_ struct inspection *inspection = NULL;
        _cleanup_outline_ struct outline *outline = outline_new();
        int ret = inspection_load(path, chosen_parts(), (pid_t)pid, &inspection, err);

        if (ret < 0)
                return ret;
        inspection_to_tree(inspection, outline);
        printf("\nDisplaying container checkpoint tree view from %s\n\n", path);
        outline_print(outline, stdout);
        putchar('\n');
        return 0;
}

static int print_json(int argc, char **argv, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *list = yyjson_mut_arr(doc);

        yyjson_mut_doc_set_root(doc, list);
        for (int i = 0; i < argc; i++) {
                _cleanup_inspection_ struct inspection *inspection = NULL;
                int ret = inspection_load(argv[i], chosen_parts(), (pid_t)pid, &inspection, err);

                if (ret < 0)
                        return ret;
                yyjson_mut_arr_append(list, inspection_to_json(inspection, doc));
        }
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        if (pid > INT_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "there is no PID %llu", (unsigned long long)pid);
        if (cli->json || format == FORMAT_JSON)
                return print_json(argc, argv, err);
        for (int i = 0; i < argc; i++) {
                int ret = print_tree(argv[i], err);

                if (ret < 0)
                        return ret;
        }
        return 0;
}

const struct verb verb_inspect = {
        .name = "inspect",
        .usage = "FILE...",
        .summary = "show what is inside checkpoints",
        .description = "Shows a checkpoint as a tree: the container, sizes, and what the "
                       "options ask for. Nothing is unpacked; of a plain or indexed archive "
                       "only the needed bytes are read.\n\n" VERB_FILE_PLACES
                       " With --json or --format json, prints an array with one object for each FILE.",
        .examples = "checkpointctl inspect c.tar --ps-tree-cmd --sockets\tprocesses with "
                    "command lines and sockets\n"
                    "checkpointctl inspect c.tar --all --json\teverything, for a program",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
