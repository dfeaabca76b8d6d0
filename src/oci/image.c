/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image.h"

#include <errno.h>
#include "archive/index.h"
#include "archive/metadata.h"
#include "oci/layer.h"

enum { LAYER_REST, LAYER_PAGES, LAYER_COUNT };

/* Workers that compress; more would be faster than any disk, and each has frames in memory. */
#define COMPRESSORS_MAX 6

struct build {
        const struct archive *archive;
        const struct progress *progress;
        struct layer_writer *layers[LAYER_COUNT]; /* NULL: nothing belongs into it */
        uint64_t done, total;
};

static int layer_of(const struct archive_member *member)
{
        return text_starts_with(member->name, "checkpoint/pages-") ? LAYER_PAGES : LAYER_REST;
}

/* Its offsets are those of the archive: in an image they mean nothing. */
static bool is_left_out(const struct archive_member *member)
{
        return strcmp(member->name, ARCHIVE_INDEX_NAME) == 0;
}

/* In a layer, ".wh." in front of a name removes another file (image-spec "layer.md"). */
static bool is_whiteout(const char *name)
{
        return text_starts_with(name, ".wh.") || strstr(name, "/.wh.");
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct build *build = context;

        if (progress_cancelled(build->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "building the image was cancelled");
        build->done += raw.size;
        progress_step(build->progress, "build", build->done, build->total);
        if (!member || is_left_out(member))
                return 0;
        return layer_writer_append(build->layers[layer_of(member)], raw, err);
}

static int open_layers(struct build *build, struct layout_writer *layout, const struct image_options *options,
                       struct pool *pool, struct error *err)
{
        bool needed[LAYER_COUNT] = {false};

        for (size_t i = 0; i < archive_count(build->archive); i++) {
                const struct archive_member *member = archive_at(build->archive, i);

                if (is_whiteout(member->name))
                        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                         "`%s`: member `%s` would remove another one in an image",
                                         archive_path(build->archive), member->name);
                needed[layer_of(member)] |= !is_left_out(member);
                build->total += member->size;
        }
        for (int i = 0; i < LAYER_COUNT; i++) {
                /* Without memory pages the rest is all there is. */
                bool large = i == LAYER_PAGES || !needed[LAYER_PAGES];
                int ret = needed[i] ? layer_writer_open(layout, options, pool, large, &build->layers[i], err)
                                    : 0;

                if (ret < 0)
                        return ret;
        }
        return 0;
}

/* The large layer ends first: in an archive the other is written behind it. */
static int finish_layers(struct build *build, struct image_layer *layers, struct image_result *result,
                         struct error *err)
{
        struct image_layer finished[LAYER_COUNT];

        for (int i = LAYER_COUNT - 1; i >= 0; i--) {
                int ret = build->layers[i] ? layer_writer_finish(build->layers[i], &finished[i], err) : 0;

                if (ret < 0)
                        return ret;
        }
        result->layers = 0;
        result->layers_size = 0;
        for (int i = 0; i < LAYER_COUNT; i++) {
                if (!build->layers[i])
                        continue;
                layers[result->layers++] = finished[i];
                result->layers_size += finished[i].blob.size;
        }
        return 0;
}

static int write_manifest(struct layout_writer *layout, const struct metadata *metadata, const char *tag,
                          const struct image_layer *layers, struct image_result *result, struct error *err)
{
        _cleanup_buffer_ struct buffer config = {0}, manifest = {0};
        struct descriptor config_blob, manifest_blob;
        int ret = manifest_config(metadata, layers, result->layers, &config, err);

        if (ret == 0)
                ret = layout_writer_add(layout, buffer_slice(&config), &config_blob, err);
        if (ret == 0)
                ret = manifest_write(metadata, &config_blob, layers, result->layers, &manifest, err);
        if (ret == 0)
                ret = layout_writer_add(layout, buffer_slice(&manifest), &manifest_blob, err);
        if (ret == 0)
                ret = layout_writer_commit(layout, tag, &manifest_blob, err);
        if (ret < 0)
                return ret;
        result->manifest = manifest_blob.digest;
        result->manifest_size = manifest_blob.size;
        return 0;
}

static int build_layers(struct build *build, struct layout_writer *layout,
                        const struct image_options *options, struct image_layer *layers,
                        struct image_result *result, struct error *err)
{
        _cleanup_pool_ struct pool *pool = NULL;
        int ret = 0;

        if (options->compression != COMPRESSION_NONE) {
                ret = pool_new(0, COMPRESSORS_MAX, &pool, err);
                if (ret < 0)
                        return ret;
        }
        ret = open_layers(build, layout, options, pool, err);
        if (ret == 0)
                ret = archive_stream(build->archive, take, build, err);
        if (ret == 0)
                ret = finish_layers(build, layers, result, err);
        /* Their frames are with the workers: first the layers go, then the pool. */
        for (int i = 0; i < LAYER_COUNT; i++)
                layer_writer_free(build->layers[i]);
        return ret;
}

int image_build(const struct archive *archive, const struct image_reference *to,
                const struct image_options *options, const struct progress *progress,
                struct image_result *out, struct error *err)
{
        _cleanup_layout_writer_ struct layout_writer *layout = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct build build = {.archive = archive, .progress = progress};
        struct image_layer layers[LAYER_COUNT];
        int ret;

        if (options->compression == COMPRESSION_LZ4)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "layers of an image are uncompressed, gzip or zstd; no engine reads lz4");
        ret = metadata_load(archive, &metadata, err);
        if (ret < 0)
                return ret;
        ret = layout_writer_open(to, &layout, err);
        if (ret < 0)
                return ret;
        ret = build_layers(&build, layout, options, layers, out, err);
        if (ret < 0)
                return ret;
        return write_manifest(layout, metadata, to->tag, layers, out, err);
}
