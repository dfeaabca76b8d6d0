/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/image.h"
#include "oci/signature_policy.h"

static const char *policy;

static const struct option_spec options[] = {
        {"policy", 0, OPTION_TEXT, &policy, "FILE",
         "which images may be used, and who must have signed them; else /etc/snap/policy.json"},
};

static int print_json(char **argv, uint64_t size, uint64_t us, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "image", argv[0]);
        answer_add_text(doc, root, "path", argv[1]);
        yyjson_mut_obj_add_uint(doc, root, "size", size);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        return answer_print(doc, err);
}

static void print_text(char **argv, uint64_t size, uint64_t us)
{
        char text[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE], rate[UNIT_TEXT_SIZE];

        rate_format(size, us, rate);
        printf("Pulled: %s\n  %s, %s in %s%s%s\n", argv[0], argv[1], size_format(size, text),
               duration_format(us, time), rate[0] ? ", " : "", rate);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_image_reference_ struct image_reference from = {0};
        uint64_t start = clock_monotonic_us(), us;
        struct stat st = {0};
        int ret = image_reference_parse(argv[0], &from, err);

        policy_use(policy);
        if (ret == 0)
                ret = image_to_archive(&from, &registry_access, argv[1], progress_bar_progress(bar), err);
        us = clock_monotonic_us() - start;
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        (void)stat(argv[1], &st);
        if (cli->json)
                return print_json(argv, (uint64_t)st.st_size, us, err);
        print_text(argv, (uint64_t)st.st_size, us);
        return 0;
}

const struct verb verb_pull = {
        .name = "pull",
        .usage = "IMAGE FILE",
        .summary = "fetch a checkpoint from a registry, as an archive",
        .description =
                "Turns an image into an archive again. Layers come in several ranges at the same time, "
                "straight into FILE, which appears when every digest has been found right. FILE must not "
                "exist.\n\n"
                "IMAGE is docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST], oci:DIR[:TAG] or "
                "oci-archive:FILE[:TAG].\n\n" REGISTRY_OPTIONS_TEXT,
        .examples = "checkpointctl pull docker://registry.example/team/web:monday web.tar\tfetch it\n"
                    "checkpointctl pull --authfile auth.json docker://node2:5000/web web.tar\tas somebody",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
