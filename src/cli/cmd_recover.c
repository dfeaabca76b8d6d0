/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include "cli/answer.h"
#include "cli/verb.h"
#include "runtime/capture.h"
#include "runtime/cri.h"
#include "runtime/stage.h"

/* Longer than the kubelet waits for a checkpoint, two minutes. */
static uint64_t patience = 180;

static const struct option_spec options[] = {
        {"patience", 0, OPTION_NUMBER, &patience, "SECONDS",
         "set a container of a pod free when it has stood for so long since `recover` first saw it stand, "
         "180 by "
         "default"},
};

static int print_json(unsigned undone, unsigned released, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "recovered", undone);
        yyjson_mut_obj_add_uint(doc, root, "released", released);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        unsigned undone, released;
        int ret;

        if (patience > UINT_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "the patience is out of range");
        ret = capture_recover(&undone, err);
        if (ret == 0)
                ret = stage_recover(err);
        if (ret == 0)
                ret = cri_release_abandoned((unsigned)patience, &released, err);
        if (ret < 0)
                return ret;
        if (cli->json)
                return print_json(undone, released, err);
        printf("%u killed checkpoint%s undone\n", undone, undone == 1 ? "" : "s");
        if (released)
                printf("%u container%s of pods set free that stood abandoned\n", released,
                       released == 1 ? "" : "s");
        return 0;
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
                "every minute.\n\n"
                "Containers of pods are looked at, too: containerd leaves one frozen, and calls it running, "
                "when the caller of a checkpoint did not wait for its end. One that stands longer than any "
                "checkpoint of the kubelet's may take is set free.",
        .examples = "checkpointctl recover\twhat the timer runs\n"
                    "checkpointctl recover --patience 0\tnobody is checkpointing here now",
        .options = OPTION_TABLE(options),
        .run = run,
};
