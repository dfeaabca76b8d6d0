/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/node.h"
#include "cli/text.h"
#include "cli/verb.h"

static bool remove_pin;

static const struct option_spec options[] = {
        {"remove", 0, OPTION_FLAG, &remove_pin, NULL, "let it be deleted again"},
};

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_buffer_ struct buffer path = {0};
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        int ret;

        if (!node_is_used())
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "only checkpoints of a node can be pinned: name it with --node");
        ret = node_checkpoint_path(argv[0], "/pin", &path, err);
        if (ret == 0)
                ret = node_ask(remove_pin ? "DELETE" : "PUT", buffer_text(&path), NULL, NULL, err);
        if (ret < 0)
                return ret;
        if (!cli->json) {
                fputs(remove_pin ? "Unpinned: " : "Pinned: ", stdout);
                text_print_safe(argv[0], stdout);
                putchar('\n');
                return 0;
        }
        doc = answer_new();
        yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
        answer_add_text(doc, yyjson_mut_doc_get_root(doc), "checkpoint", argv[0]);
        yyjson_mut_obj_add_bool(doc, yyjson_mut_doc_get_root(doc), "pinned", !remove_pin);
        return answer_print(doc, err);
}

const struct verb verb_pin = {
        .name = "pin",
        .usage = "CHECKPOINT",
        .summary = "keep a checkpoint of a node from being deleted",
        .description = "A pinned checkpoint is deleted neither by hand nor by a rule. CHECKPOINT is an id, "
                       "or the path of "
                       "the archive on the node that --node names.",
        .examples = "checkpointctl pin --node https://node1:10250 01KB…\tkeep it\n"
                    "checkpointctl pin --remove --node https://node1:10250 01KB…\tlet it go",
        .options = OPTION_TABLE(options),
        .arguments_min = 1,
        .arguments_max = 1,
        .reaches_nodes = true,
        .run = run,
};
