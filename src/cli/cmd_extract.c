/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/podset.h"
#include "cli/answer.h"
#include "cli/choices.h"
#include "cli/help.h"
#include "cli/progress_bar.h"
#include "cli/text.h"
#include "cli/verb.h"

static const char *target = PODSET_KUBELET, *output;
static int compression = COMPRESSION_ZSTD;

static const struct option_spec options[] = {
        {.name = "target",
         .letter = 't',
         .type = OPTION_TEXT,
         .value = &target,
         .metavar = "DIR",
         .help = "the directory with the checkpoints, " PODSET_KUBELET " by default"},
        {.name = "output",
         .letter = 'o',
         .type = OPTION_TEXT,
         .value = &output,
         .metavar = "FILE",
         .help = "the tar to write"},
        {.name = "compress",
         .letter = 'c',
         .type = OPTION_CHOICE,
         .value = &compression,
         .help = "compress the tar, with zstd by default",
         .choices = compression_choices},
};

/* As it was always said: the help, this sentence, and status 1. */
static int refuse_without_output(const struct cli *cli)
{
        struct error err = {0};

        error_set(&err, &ERROR_USAGE, 0, "Specifying an output file (-o|--output) is required");
        if (cli->json) {
                answer_print_error(&err);
                return EXIT_ERROR;
        }
        help_print_verb(&verb_extract, stdout);
        fflush(stdout);
        error_print(&err, stderr);
        return EXIT_ERROR;
}

static int print_json(const struct podset *set, uint64_t size, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "source", podset_place(set));
        answer_add_text(doc, root, "path", output);
        yyjson_mut_obj_add_uint(doc, root, "pods", podset_pods(set)->count);
        yyjson_mut_obj_add_uint(doc, root, "size", size);
        return answer_print(doc, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_podset_ struct podset *set = NULL;
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        uint64_t size;
        int ret;

        if (!output || !*output)
                return refuse_without_output(cli);
        ret = podset_open(target, &set, err);
        if (ret < 0)
                return ret;
        if (!cli->json) {
                fputs("\nExtracting checkpoint data from ", stdout);
                text_print_safe(podset_place(set), stdout);
                fputs("\n\n", stdout);
                fflush(stdout);
        }
        ret = podset_extract(set, output, (enum compression)compression, progress_bar_progress(bar), &size,
                             err);
        progress_bar_finish(bar);
        return ret == 0 && cli->json ? print_json(set, size, err) : ret;
}

const struct verb verb_extract = {
        .name = "extract",
        .usage = "",
        .summary = "put the kubelet's pod checkpoints into one tar",
        .description =
                "Writes a tar with checkpointed.pods of a directory and the archive of each pod that it "
                "lists, to be inserted elsewhere. An archive that is missing is an error, and then no "
                "tar is left.",
        .examples =
                "checkpointctl extract -o /tmp/checkpoints.tar\tall of this node's\n"
                "checkpointctl extract -t /backup -c none -o pods.tar\tthose of a directory, in a plain tar",
        .options = OPTION_TABLE(options),
        .is_long = true,
        .run = run,
};
