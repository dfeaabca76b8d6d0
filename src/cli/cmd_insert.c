/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "archive/podset.h"
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "cli/text.h"
#include "cli/verb.h"

static const char *target = PODSET_KUBELET, *input;

static const struct option_spec options[] = {
        {.name = "target",
         .letter = 't',
         .type = OPTION_TEXT,
         .value = &target,
         .metavar = "DIR",
         .help = "the directory to add to, " PODSET_KUBELET " by default"},
        {.name = "input",
         .letter = 'i',
         .type = OPTION_TEXT,
         .value = &input,
         .metavar = "FILE",
         .help = "the tar that extract wrote, plain or compressed"},
};

/* Silent when all went as it should, as ever. */
static void report_ignored(const struct podset_insertion *insertion)
{
        for (size_t i = 0; i < insertion->ignored_count; i++) {
                fputs("Left out, as no pod lists it: ", stderr);
                text_print_safe(insertion->ignored[i], stderr);
                putc('\n', stderr);
        }
}

static int print_json(const struct podset_insertion *insertion, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc), *array;

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "target", target);
        yyjson_mut_obj_add_uint(doc, root, "bytes", insertion->bytes);
        array = yyjson_mut_obj_add_arr(doc, root, "inserted");
        for (size_t i = 0; i < insertion->pods->count; i++) {
                const struct pod *pod = &insertion->pods->list[i];
                yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array);

                answer_add_text(doc, object, "name", pod->name);
                answer_add_text(doc, object, "namespace", pod->name_space);
                answer_add_text(doc, object, "uid", pod->uid);
                answer_add_text(doc, object, "sandboxId", pod->sandbox);
        }
        array = yyjson_mut_obj_add_arr(doc, root, "ignored");
        for (size_t i = 0; i < insertion->ignored_count; i++)
                yyjson_mut_arr_append(array, answer_text(doc, insertion->ignored[i]));
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_podset_insertion_ struct podset_insertion insertion = {0};
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        int ret;

        if (!input || !*input)
                return error_set(err, &ERROR_USAGE, -EINVAL, "insert needs an input file (-i|--input)");
        ret = podset_insert(input, target, progress_bar_progress(bar), &insertion, err);
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        if (cli->json)
                return print_json(&insertion, err);
        report_ignored(&insertion);
        return 0;
}

const struct verb verb_insert = {
        .name = "insert",
        .usage = "",
        .summary = "add pod checkpoints that were extracted to a kubelet's",
        .description =
                "Adds the pods of a tar that extract wrote to a directory: their archives, and their "
                "entries in checkpointed.pods, which is made where there is none.\n\n"
                "All of them or none: a pod that is there already (same UID or SandboxID), an archive "
                "that is missing or a name that leads elsewhere changes nothing. When it is killed the "
                "old state holds, and the next insert removes what was left.",
        .examples = "checkpointctl insert -i /tmp/checkpoints.tar\tadd them to this node's kubelet\n"
                    "checkpointctl insert -t /backup -i pods.tar\tadd them to a directory",
        .options = OPTION_TABLE(options),
        .is_long = true,
        .run = run,
};
