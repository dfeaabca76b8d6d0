/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image.h"

#include <errno.h>
#include "oci/editions.h"
#include "oci/image_index.h"
#include "oci/layer_cache.h"
#include "oci/layers.h"
#include "oci/layout_index.h"
#include "oci/registry_client.h"
#include "oci/source.h"

struct build {
        struct archive *archive;
        struct metadata *metadata;
        const struct image_reference *to;
        struct image_options options;
        const struct progress *progress;
        struct target *target;
        struct layer_plan plan;
        struct editions editions;
        struct layer_cache *cache;                 /* NULL: nothing is remembered */
        struct image_layer layers[LAYERS_MAX + 1]; /* and one for that of an edition */
        bool ready[LAYERS_MAX];
        bool sent; /* a layer has to be */
};

static void variant_name(const struct build *build, char out[LAYER_VARIANT_SIZE])
{
        layer_cache_name(build->plan.common, build->options.compression, build->options.level, out);
}

/* Is the layer in the registry, or can it be taken there from another repository? */
static int find_layer(struct build *build, const char *host, const struct image_layer *layer, bool *found,
                      struct error *err)
{
        struct registry *registry = target_registry(build->target);
        int ret = target_has(build->target, &layer->blob, found, err);
        const char *repository;

        for (size_t i = 0;
             ret == 0 && !*found && (repository = layer_cache_repository(build->cache, host, i)); i++)
                ret = registry_blob_mount(registry, &layer->blob, repository, found, err);
        return ret;
}

/* Marks those layers as ready that need not be sent. */
static int find_layers(struct build *build, const char *host, struct error *err)
{
        bool known[LAYERS_MAX];
        char variant[LAYER_VARIANT_SIZE];
        int ret = 0;

        variant_name(build, variant);
        layer_cache_find(build->cache, variant, build->layers, known);
        for (unsigned i = 0; i < LAYERS_MAX && ret == 0; i++)
                if (known[i])
                        ret = find_layer(build, host, &build->layers[i], &build->ready[i], err);
        return ret;
}

/* What is chosen between. */
static const struct {
        uint64_t rate; /* of the link, in bytes a second, from which on it is the fastest */
        enum compression compression;
        int level;
} choices[] = {
        {300 * MIB, COMPRESSION_NONE, 0},
        {40 * MIB, COMPRESSION_ZSTD, 1},
        {0, COMPRESSION_ZSTD, 3},
};

static void choose(struct build *build, size_t choice)
{
        build->options.compression = choices[choice].compression;
        build->options.level = choices[choice].level;
}

/* Of the variants that were pushed before, the one that was pushed last: the link is what it was. */
static bool choose_as_before(struct build *build)
{
        const char *variant = layer_cache_variant(build->cache, 0);
        char name[LAYER_VARIANT_SIZE];

        for (size_t i = 0; variant && i < ARRAY_SIZE(choices); i++) {
                choose(build, i);
                variant_name(build, name);
                if (strcmp(name, variant) == 0)
                        return true;
        }
        return false;
}

static int choose_by_link(struct build *build, struct error *err)
{
        uint64_t rate;
        int ret = registry_rate(target_registry(build->target), &rate, err);

        if (ret < 0)
                return ret;
        for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
                if (rate >= choices[i].rate) {
                        choose(build, i);
                        break;
                }
        return 0;
}

static int build_layers(struct build *build, struct error *err)
{
        bool found[LAYERS_MAX];
        int ret;

        memcpy(found, build->ready, sizeof(found));
        ret = layers_build(build->archive, &build->plan, build->target, &build->options, build->progress,
                           build->layers, build->ready, err);
        for (unsigned i = 0; i < build->plan.count; i++)
                build->sent |= !found[i];
        return ret;
}

/* What has gone up when something fails need not go up again. */
static int push_layers(struct build *build, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        char variant[LAYER_VARIANT_SIZE];
        int ret = registry_reference_parse(build->to->path, &reference, err);

        if (ret < 0)
                return ret;
        /* What is encrypted is never the same twice. */
        build->cache = build->options.recipients ? NULL : layer_cache_open(build->archive);
        if (build->options.choose && !(build->cache && choose_as_before(build)))
                ret = choose_by_link(build, err);
        if (ret == 0 && build->cache)
                ret = find_layers(build, reference.host, err);
        if (ret < 0)
                return ret;
        ret = build_layers(build, err);
        if (build->cache) {
                variant_name(build, variant);
                layer_cache_store(build->cache, variant, build->layers, build->ready, reference.host,
                                  reference.repository);
        }
        return ret;
}

/* The index that the tag names already, if it names one. */
static int read_old_index(struct build *build, const char *tag, struct buffer *out, struct error *err)
{
        const struct image_reference at = {
                .transport = build->to->transport, .path = build->to->path, .tag = (char *)(uintptr_t)tag};
        _cleanup_source_ struct source *source = NULL;
        _cleanup_source_manifest_ struct source_manifest old = {0};
        struct error ignored = {0};
        int ret = source_open(&at, build->options.access, &source, &ignored);

        if (ret == 0)
                ret = source_manifest(source, &old, &ignored);
        if (ret == -ENOENT)
                return 0;
        if (ret < 0) {
                if (err)
                        *err = ignored;
                return ret;
        }
        return old.is_index && buffer_append(out, old.text.data, old.text.size) < 0 ? error_oom(err) : 0;
}

static int commit_index(struct build *build, const struct metadata *metadata, const char *tag,
                        struct slice manifest, struct descriptor *out, struct error *err)
{
        _cleanup_buffer_ struct buffer old = {0}, index = {0};
        struct descriptor image;
        int ret = target_add_manifest(build->target, MEDIA_MANIFEST, manifest, &image, err);

        if (ret == 0)
                ret = read_old_index(build, tag, &old, err);
        if (ret == 0)
                ret = image_index_add(buffer_slice(&old), metadata, &image, &index, err);
        return ret < 0 ? ret : target_commit(build->target, tag, MEDIA_INDEX, buffer_slice(&index), out, err);
}

static int write_manifest(struct build *build, const struct metadata *metadata, unsigned layers,
                          const char *tag, struct descriptor *out, struct error *err)
{
        _cleanup_buffer_ struct buffer config = {0}, manifest = {0};
        struct descriptor config_blob;
        int ret;

        for (unsigned i = 0; i < build->plan.count; i++)
                build->layers[i].pages = build->plan.pages_of[i];
        ret = manifest_config(metadata, build->layers, layers, &config, err);
        if (ret == 0)
                ret = target_add(build->target, buffer_slice(&config), &config_blob, err);
        if (ret == 0)
                ret = manifest_write(metadata, &config_blob, build->layers, layers, &manifest, err);
        if (ret < 0)
                return ret;
        if (build->options.index)
                return commit_index(build, metadata, tag, buffer_slice(&manifest), out, err);
        return target_commit(build->target, tag, MEDIA_MANIFEST, buffer_slice(&manifest), out, err);
}

/* One for each engine; the first is that of the result. */
static int write_editions(struct build *build, struct descriptor *first, struct image_result *out,
                          struct error *err)
{
        for (unsigned i = 0; i < build->editions.count; i++) {
                const struct edition *edition = &build->editions.items[i];
                struct image_made *made = &out->made[i];
                struct descriptor manifest;
                int ret = editions_tag(&build->editions, edition, build->to->tag, made->tag, err);

                build->layers[build->plan.count] = edition->layer;
                if (ret == 0)
                        ret = write_manifest(build, translation_metadata(edition->translation),
                                             build->plan.count + 1, made->tag, &manifest, err);
                if (ret < 0)
                        return ret;
                made->engine = edition->engine;
                made->manifest = manifest.digest;
                if (i == 0)
                        *first = manifest;
        }
        out->made_count = build->editions.count;
        return 0;
}

static void report(const struct build *build, const struct descriptor *manifest, struct image_result *out)
{
        out->manifest = manifest->digest;
        out->manifest_size = manifest->size;
        out->compression = build->options.compression;
        out->layers = build->plan.count + (build->editions.count > 0);
        out->sent = build->sent || build->editions.count;
        out->layers_size = 0;
        for (unsigned i = 0; i < build->plan.count; i++)
                out->layers_size += build->layers[i].blob.size;
        if (build->editions.count)
                out->layers_size += build->editions.items[0].layer.blob.size;
}

static int write_all(struct build *build, struct image_result *out, struct error *err)
{
        struct descriptor manifest;
        int ret = editions_write_layers(&build->editions, build->target, &build->options, err);

        if (ret == 0)
                ret = build->editions.count ? write_editions(build, &manifest, out, err)
                                            : write_manifest(build, build->metadata, build->plan.count,
                                                             build->to->tag, &manifest, err);
        if (ret == 0)
                report(build, &manifest, out);
        return ret;
}

/* What the archive says of its container, and what other engines will be told of it. */
static int describe(struct build *build, struct error *err)
{
        int ret = metadata_load(build->archive, &build->metadata, err);

        return ret < 0 ? ret
                       : editions_make(build->archive, build->metadata, &build->options, build->plan.common,
                                       &build->editions, err);
}

/* An archive that is known is judged and cut into layers before anything is sent. */
static int prepare(struct build *build, struct error *err)
{
        int ret = describe(build, err);

        build->plan.common = build->editions.count > 0;
        return ret < 0 ? ret : layer_plan_make(build->archive, &build->plan, err);
}

static int build_image(struct build *build, struct image_result *out, struct error *err)
{
        bool is_known = !archive_is_unread(build->archive);
        int ret = is_known ? prepare(build, err) : 0;

        /* Which engine took it is known when it has been read. */
        if (!is_known)
                build->plan.common = build->options.engines != 0;
        if (ret == 0)
                ret = target_open(build->to, build->options.access, &build->target, err);
        if (ret == 0)
                ret = build->to->transport == IMAGE_DOCKER ? push_layers(build, err)
                                                           : build_layers(build, err);
        if (ret == 0 && !is_known)
                ret = describe(build, err);
        if (ret == 0)
                ret = write_all(build, out, err);
        image_layers_free(build->layers, LAYERS_MAX);
        target_free(build->target);
        layer_cache_free(build->cache);
        layer_plan_free(&build->plan);
        return ret;
}

/* What is no way to ask for an image. */
static int check_options(const struct image_reference *to, const struct image_options *options,
                         struct error *err)
{
        if (options->compression == COMPRESSION_LZ4)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "layers of an image are uncompressed, gzip or zstd; no engine reads lz4");
        if (to->transport == IMAGE_DOCKER && text_starts_with(to->tag, "sha256:"))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` names a digest, which an image has only when it is made; name a tag",
                                 to->path);
        if (to->transport == IMAGE_OCI_ARCHIVE && options->engines & (options->engines - 1))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "an archive of an image holds one; name one engine, or a directory");
        return 0;
}

int image_build(struct archive *archive, const struct image_reference *to,
                const struct image_options *options, const struct progress *progress,
                struct image_result *out, struct error *err)
{
        struct build build = {.archive = archive, .to = to, .options = *options, .progress = progress};
        int ret;

        *out = (struct image_result){0};
        ret = check_options(to, options, err);
        if (ret == 0)
                ret = build_image(&build, out, err);
        if (ret == 0) {
                out->notes = (char *)build.editions.notes.data;
                build.editions.notes = (struct buffer){0};
        }
        editions_free(&build.editions);
        metadata_free(build.metadata);
        return ret;
}

void image_result_free(struct image_result *result)
{
        free(result->notes);
        result->notes = NULL;
}
