/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/clock.h"
#include "cli/build_options.h"
#include "cli/progress_bar.h"
#include "cli/registry_options.h"
#include "oci/location.h"
#include "oci/storage.h"

static int compression = COMPRESSION_NONE;

/* Without lz4, which the image specification does not know. */
static const char *const layer_choices[] = {
        [COMPRESSION_NONE] = "none", [COMPRESSION_GZIP] = "gzip", [COMPRESSION_ZSTD] = "zstd", NULL};

static const struct option_spec options[] = {
        {"compress", 0, OPTION_CHOICE, &compression, NULL, "compress the layers", layer_choices},
        BUILD_OPTIONS,
};

static int refuse_registry(const char *to, struct error *err)
{
        int ret = error_set(err, &ERROR_USAGE, -EINVAL, "`%s` lies in a registry", to);

        error_set_hint(err, "Send it there: `checkpointctl push FILE %s`.", to);
        return ret;
}

/* `full_name` is what the image is called in the local storage, when it is put there. */
static int build(const char *from, const char *to, const struct progress *progress, char **full_name,
                 struct image_result *result, struct error *err)
{
        _cleanup_layer_recipients_ struct layer_recipients *recipients = NULL;
        struct image_options chosen = {.compression = (enum compression)compression,
                                       .access = &registry_access};
        _cleanup_image_reference_ struct image_reference reference = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = image_reference_is_one(to) ? image_reference_parse(to, &reference, err)
                                             : storage_name_parse(to, full_name, err);

        if (ret == 0 && reference.transport == IMAGE_DOCKER)
                ret = refuse_registry(to, err);
        if (ret == 0)
                ret = build_options_apply(&chosen, &recipients, err);
        if (ret == 0 && *full_name && recipients)
                ret = error_set(
                        err, &ERROR_USAGE, -EINVAL,
                        "the local container storage keeps no encrypted layers; build into oci:DIR[:TAG]");
        if (ret == 0)
                ret = location_open_unread(from, progress, &archive, err);
        if (ret < 0)
                return ret;
        if (*full_name)
                return storage_build(archive, *full_name, &chosen, progress, result, err);
        return image_build(archive, &reference, &chosen, progress, result, err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, cli->quiet || cli->json));
        _cleanup_image_result_ struct image_result result = {0};
        uint64_t start = clock_monotonic_us(), us;
        _cleanup_free_ char *full_name = NULL;
        int ret = build(argv[0], argv[1], progress_bar_progress(bar), &full_name, &result, err);

        us = clock_monotonic_us() - start;
        progress_bar_finish(bar);
        return ret < 0 ? ret
                       : build_options_report(cli, full_name ? full_name : argv[1], false, &result, us, err);
}

const struct verb verb_build = {
        .name = "build",
        .usage = "FILE DEST",
        .summary = "make a container image of a checkpoint",
        .description =
                "Turns a checkpoint archive into an OCI image that CRI-O, containerd and "
                "Podman recognise as a checkpoint.\n\n" VERB_FILE_PLACES "\n\n"
                "DEST is oci:DIR[:TAG] for a directory in the OCI image layout, "
                "oci-archive:FILE[:TAG] for a tar file with one, or NAME[:TAG] for the local container "
                "storage, where `podman container restore NAME` finds it; this needs skopeo or "
                "Podman.\n\n" BUILD_OPTIONS_TEXT,
        .examples = "checkpointctl build web.tar oci:images:web\tadd an image to a layout\n"
                    "checkpointctl build web.tar web:monday\tan image that `podman images` shows\n"
                    "checkpointctl build --for containerd web.tar oci:images:web\tof a Podman container, for "
                    "Kubernetes\n"
                    "skopeo copy oci:images:web "
                    "docker://registry.example/web:checkpoint\tpush it",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 2,
        .arguments_max = 2,
        .is_long = true,
        .opens_checkpoints = true,
        .run = run,
};
