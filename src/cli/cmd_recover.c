/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/answer.h"
#include "cli/verb.h"
#include "runtime/capture.h"
#include "runtime/stage.h"

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *root;
        unsigned count;
        int ret = capture_recover(&count, err);

        if (ret == 0)
                ret = stage_recover(err);
        if (ret < 0)
                return ret;
        if (!cli->json) {
                printf("%u killed checkpoint%s undone\n", count, count == 1 ? "" : "s");
                return 0;
        }
        doc = answer_new();
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "recovered", count);
        return answer_print(doc, err);
}

const struct verb verb_recover = {
        .name = "recover",
        .usage = "",
        .summary = "set containers free that a killed checkpoint left standing",
        .description =
                "When a checkpoint and the guardian that looks after it are killed at once, its container "
                "can be left frozen, and CRIU waiting. This ends the dump, thaws the container and removes "
                "what is unfinished, also what a killed restore had unpacked; what is under way is left "
                "alone. `create` and `doctor` do the same first, and the systemd unit snap-recover.timer "
                "every minute.",
        .run = run,
};
