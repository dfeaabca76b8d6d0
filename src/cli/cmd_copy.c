/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/copy.h"

static int print_json(char **argv, const char *digest, const struct copy_result *result, uint64_t us,
                      struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "from", argv[0]);
        answer_add_text(doc, root, "to", argv[1]);
        answer_add_text(doc, root, "digest", digest);
        yyjson_mut_obj_add_uint(doc, root, "images", result->images);
        yyjson_mut_obj_add_uint(doc, root, "blobs", result->blobs);
        yyjson_mut_obj_add_uint(doc, root, "blobsPresent", result->blobs_present);
        yyjson_mut_obj_add_uint(doc, root, "bytes", result->bytes);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        return answer_print(doc, err);
}

static void print_text(char **argv, const char *digest, const struct copy_result *result, uint64_t us)
{
        char size[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE];

        printf("Copied: %s\n  to %s\n  %s\n  %u image%s, %u blobs new and %u there already, %s in %s\n",
               argv[0], argv[1], digest, result->images, result->images == 1 ? "" : "s", result->blobs,
               result->blobs_present, size_format(result->bytes, size), duration_format(us, time));
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        const struct copy_options access = {&registry_access, &registry_access};
        _cleanup_image_reference_ struct image_reference from = {0}, to = {0};
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";
        uint64_t start = clock_monotonic_us(), us;
        struct copy_result result = {0};
        int ret = image_reference_parse(argv[0], &from, err);

        if (ret == 0)
                ret = image_reference_parse(argv[1], &to, err);
        if (ret == 0)
                ret = image_copy(&from, &to, &access, progress_bar_progress(bar), &result, err);
        us = clock_monotonic_us() - start;
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        sha256_hex(&result.manifest, digest + 7);
        if (cli->json)
                return print_json(argv, digest, &result, us, err);
        print_text(argv, digest, &result, us);
        return 0;
}

const struct verb verb_copy = {
        .name = "copy",
        .usage = "IMAGE IMAGE",
        .summary = "copy an image between registries and layouts",
        .description =
                "Copies an image as it is, with the same digests, or an index with all its images; between "
                "registries also its signatures and what else refers to it. Only what is missing travels, "
                "and "
                "every byte is verified on the way. The tag is set last.\n\n"
                "IMAGE is docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST], oci:DIR[:TAG] or "
                "oci-archive:FILE[:TAG].\n\n" REGISTRY_OPTIONS_TEXT,
        .examples =
                "checkpointctl copy docker://a.example/web:1 docker://b.example/web:1\tto another registry\n"
                "checkpointctl copy oci:images:web docker://registry.example/web\tfrom a directory",
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .reaches_registries = true,
        .run = run,
};
