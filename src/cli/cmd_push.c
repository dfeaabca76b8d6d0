/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/engine_options.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "program/units.h"
#include "cli/verb.h"
#include "oci/image.h"
#include "oci/location.h"
#include "oci/recipients.h"

enum { CHOOSE, PLAIN, GZIP, ZSTD };

static int compress = CHOOSE;
static uint64_t level;
static struct option_list encryption_keys;
static bool index_of_images;

static const char *const compress_choices[] = {
        [CHOOSE] = "auto", [PLAIN] = "none", [GZIP] = "gzip", [ZSTD] = "zstd", NULL};

static const enum compression compressions[] = {[CHOOSE] = COMPRESSION_NONE,
                                                [PLAIN] = COMPRESSION_NONE,
                                                [GZIP] = COMPRESSION_GZIP,
                                                [ZSTD] = COMPRESSION_ZSTD};

static const struct option_spec options[] = {
        {"compress", 0, OPTION_CHOICE, &compress, NULL,
         "compress the layers; auto measures the link and compresses as much as makes it faster",
         compress_choices},
        {"level", 0, OPTION_NUMBER, &level, "N",
         "compression level: gzip 1 to 3, zstd 1 to 6; 0 is the usual one"},
        {"index", 0, OPTION_FLAG, &index_of_images, NULL,
         "let the tag name an index of images for several architectures, and add this one to it"},
        ENGINE_OPTIONS,
        {"encryption-key", 0, OPTION_LIST, &encryption_keys, "jwe:F|pkcs7:F",
         "encrypt the layers for the public key or the certificate in F; may be repeated"},
        REGISTRY_OPTIONS,
};

static int print_json(const char *to, const char *digest, const struct image_result *result, uint64_t us,
                      struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        answer_add_text(doc, root, "image", to);
        answer_add_text(doc, root, "digest", digest);
        yyjson_mut_obj_add_uint(doc, root, "layers", result->layers);
        yyjson_mut_obj_add_uint(doc, root, "layersSize", result->layers_size);
        answer_add_text(doc, root, "compression", compression_name(result->compression));
        yyjson_mut_obj_add_bool(doc, root, "sent", result->sent);
        yyjson_mut_obj_add_uint(doc, root, "timeUs", us);
        engine_options_answer(doc, root, result);
        return answer_print(doc, err);
}

static void print_text(const char *to, const char *digest, const struct image_result *result, uint64_t us)
{
        char size[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE], rate[UNIT_TEXT_SIZE];

        printf("Pushed: %s\n  %s\n  %u layers, %s (%s)", to, digest, result->layers,
               size_format(result->layers_size, size), compression_name(result->compression));
        if (!result->sent) {
                printf(", all there already, in %s\n", duration_format(us, time));
                return;
        }
        rate_format(result->layers_size, us, rate);
        printf(" in %s%s%s\n", duration_format(us, time), rate[0] ? ", " : "", rate);
}

static int push(const char *from, const char *to, const struct progress *progress,
                struct image_result *result, struct error *err)
{
        struct image_options chosen = {.compression = compressions[compress],
                                       .level = (int)level,
                                       .choose = compress == CHOOSE,
                                       .index = index_of_images,
                                       .access = &registry_access};
        _cleanup_image_reference_ struct image_reference reference = {0};
        _cleanup_layer_recipients_ struct layer_recipients *recipients = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        int ret;

        engine_options_apply(&chosen);
        if (!registry_reference_is_one(to))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` is no place in a registry (docker://HOST/REPOSITORY[:TAG])", to);
        ret = image_reference_parse(to, &reference, err);
        if (ret == 0)
                ret = layer_recipients_load(encryption_keys.items, encryption_keys.count, &recipients, err);
        chosen.recipients = recipients;
        if (ret == 0)
                ret = location_open(from, &archive, err);
        return ret < 0 ? ret : image_build(archive, &reference, &chosen, progress, result, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";
        uint64_t start = clock_monotonic_us(), us;
        _cleanup_image_result_ struct image_result result = {0};
        int ret;

        if (level > 22)
                return error_set(err, &ERROR_USAGE, -EINVAL, "the compression level is out of range");
        registry_access.progress = progress_bar_progress(bar);
        ret = push(argv[0], argv[1], registry_access.progress, &result, err);
        us = clock_monotonic_us() - start;
        progress_bar_finish(bar);
        if (ret < 0)
                return ret;
        sha256_hex(&result.manifest, digest + 7);
        if (cli->json)
                return print_json(argv[1], digest, &result, us, err);
        print_text(argv[1], digest, &result, us);
        engine_options_print(&result);
        return 0;
}

const struct verb verb_push = {
        .name = "push",
        .usage = "FILE IMAGE",
        .summary = "send a checkpoint to a registry, as an image",
        .description =
                "Reads the checkpoint once, and hashes, compresses and sends its layers on the way: nothing "
                "is "
                "kept on disk, and memory stays below 128 MiB. Several layers of memory pages travel at the "
                "same "
                "time. A connection that breaks is taken up again where it stopped.\n\n" VERB_FILE_PLACES
                "\n\n"
                "IMAGE is docker://HOST[:PORT]/REPOSITORY[:TAG]. The image is recognised as a checkpoint by "
                "CRI-O, containerd and Podman. What the registry has already is not sent again, and what "
                "another "
                "repository of it has is taken from there.\n\n" ENGINE_OPTIONS_TEXT
                "\n\n" REGISTRY_OPTIONS_TEXT,
        .examples = "checkpointctl push web.tar docker://registry.example/team/web:monday\tsend it\n"
                    "checkpointctl push --compress zstd --level 3 web.tar "
                    "docker://registry.example/team/web\tover a slow line\n"
                    "checkpointctl push --for all web.tar "
                    "docker://registry.example/team/web:monday\tan image for each engine\n"
                    "checkpointctl push --ca ca.crt --json web.tar docker://node2:5000/web\tfor a script",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
