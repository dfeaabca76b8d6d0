/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/clock.h"
#include "cli/build_options.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "oci/location.h"

enum { CHOOSE, PLAIN, GZIP, ZSTD };

static int compress = CHOOSE;
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
        {"index", 0, OPTION_FLAG, &index_of_images, NULL,
         "let the tag name an index of images for several architectures, and add this one to it"},
        BUILD_OPTIONS,
};

static int push(const char *from, const char *to, const struct progress *progress,
                struct image_result *result, struct error *err)
{
        struct image_options chosen = {.compression = compressions[compress],
                                       .choose = compress == CHOOSE,
                                       .index = index_of_images,
                                       .access = &registry_access};
        _cleanup_image_reference_ struct image_reference reference = {0};
        _cleanup_layer_recipients_ struct layer_recipients *recipients = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        int ret;

        if (!registry_reference_is_one(to))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` is no place in a registry (docker://HOST/REPOSITORY[:TAG])", to);
        ret = image_reference_parse(to, &reference, err);
        if (ret == 0)
                ret = build_options_apply(&chosen, &recipients, err);
        if (ret == 0)
                ret = location_open_unread(from, progress, &archive, err);
        return ret < 0 ? ret : image_build(archive, &reference, &chosen, progress, result, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_image_result_ struct image_result result = {0};
        uint64_t start = clock_monotonic_us(), us;
        int ret = push(argv[0], argv[1], progress_bar_progress(bar), &result, err);

        us = clock_monotonic_us() - start;
        progress_bar_finish(bar);
        return ret < 0 ? ret : build_options_report(cli, argv[1], true, &result, us, err);
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
                "repository of it has is taken from there.\n\n" BUILD_OPTIONS_TEXT
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
