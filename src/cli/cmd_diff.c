/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/diff.h"
#include "cli/verb.h"

enum format { FORMAT_TREE, FORMAT_JSON };

static bool commands, environment, files, sockets, show_unchanged;
static int format = FORMAT_TREE;
static const char *const formats[] = {"tree", "json", NULL};

static const struct option_spec options[] = {
        {"format", 0, OPTION_CHOICE, &format, NULL, "form of the output", formats},
        {"ps-tree-cmd", 0, OPTION_FLAG, &commands, NULL, "compare the command lines of processes too"},
        {"ps-tree-env", 0, OPTION_FLAG, &environment, NULL, "compare their environment variables too"},
        {"files", 0, OPTION_FLAG, &files, NULL, "compare open files"},
        {"sockets", 0, OPTION_FLAG, &sockets, NULL, "compare sockets"},
        {"show-unchanged", 0, OPTION_FLAG, &show_unchanged, NULL, "show what did not change, too"},
};

static unsigned chosen_parts(void)
{
        unsigned parts = INSPECT_PROCESSES;

        parts |= commands ? INSPECT_COMMANDS : 0;
        parts |= environment ? INSPECT_ENVIRONMENT : 0;
        parts |= files ? INSPECT_FILES : 0;
        parts |= sockets ? INSPECT_SOCKETS : 0;
        return parts;
}

static int load(char **argv, struct inspection **a, struct inspection **b, struct error *err)
{
        int ret = inspection_load(argv[0], chosen_parts(), 0, a, err);

        return ret < 0 ? ret : inspection_load(argv[1], chosen_parts(), 0, b, err);
}

static int refuse_strangers(const struct metadata *a, const struct metadata *b, struct error *err)
{
        int ret = error_set(err, &ERROR_USAGE, -EINVAL,
                            "checkpoints are from different containers: A is of `%s` (%s), B of `%s` (%s)",
                            a->container_name, a->container_id, b->container_name, b->container_id);

        error_set_hint(
                err, "Give two checkpoints of the same container; `show A B` names the containers of many.");
        return ret;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_inspection_ struct inspection *a = NULL, *b = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        _cleanup_diff_ struct diff diff = {0};
        int ret = load(argv, &a, &b, err);

        if (ret < 0)
                return ret;
        if (strcmp(a->metadata->container_id, b->metadata->container_id) != 0)
                return refuse_strangers(a->metadata, b->metadata, err);
        diff_compare(a, b, &diff);
        if (!cli->json && format != FORMAT_JSON) {
                diff_print(&diff, show_unchanged, stdout);
                return 0;
        }
        doc = answer_new();
        yyjson_mut_doc_set_root(doc, diff_to_json(&diff, doc));
        return answer_print(doc, err);
}

const struct verb verb_diff = {
        .name = "diff",
        .usage = "A B",
        .summary = "show what changed between two checkpoints of a container",
        .description = "Compares processes and the amount of memory, and what the options ask for: command "
                       "lines, environments, open files, sockets. Added is what only B has, removed what "
                       "only A has.\n\n"
                       "Both must be of the same container. Nothing is unpacked.",
        .examples = "checkpointctl diff monday.tar tuesday.tar\tprocesses that came and went\n"
                    "checkpointctl diff --files --sockets --json a.tar b.tar\tfor a program",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
