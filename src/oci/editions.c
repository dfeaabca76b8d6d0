/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/editions.h"

#include <errno.h>
#include "base/pool.h"

/* As they are written behind a tag. */
static const char *const suffixes[] = {[ENGINE_CRIO] = "crio",
                                       [ENGINE_CONTAINERD] = "containerd",
                                       [ENGINE_PODMAN] = "podman",
                                       [ENGINE_OCI] = ""};

static int note_each(struct editions *editions, enum engine engine, const char *lines)
{
        while (*lines) {
                size_t size = strcspn(lines, "\n");

                if (buffer_printf(&editions->notes, "%s: %.*s\n", engine_name(engine), (int)size, lines) < 0)
                        return -ENOMEM;
                lines += size + (lines[size] == '\n');
        }
        return 0;
}

static int add(const struct archive *archive, const struct metadata *metadata, enum engine engine,
               const struct image_options *options, struct editions *out, struct error *err)
{
        const struct translation_options asked = {
                .to = engine, .base = options->base, .base_id = options->base_id, .access = options->access};
        struct edition *edition = &out->items[out->count];
        int ret;

        *edition = (struct edition){.engine = engine};
        ret = translation_make(archive, metadata, &asked, &edition->translation, err);
        if (ret < 0)
                return ret;
        out->count++;
        return note_each(out, engine, translation_notes(edition->translation)) < 0 ? error_oom(err) : 0;
}

int editions_make(const struct archive *archive, const struct metadata *metadata,
                  const struct image_options *options, bool common, struct editions *out, struct error *err)
{
        bool is_own = options->engines == IMAGE_FOR(metadata->engine);
        struct error refused = {0};
        int ret = 0;

        *out = (struct editions){.several = options->engines & (options->engines - 1)};
        if (is_own && (options->base || options->base_id))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "%s took the checkpoint and knows the base image; another one can be named "
                                 "for other engines only",
                                 engine_name(metadata->engine));
        if (is_own && !common)
                return 0; /* what is asked for is there */
        for (enum engine engine = 0; engine < ENGINE_OCI && ret == 0; engine++) {
                if (!(options->engines & IMAGE_FOR(engine)))
                        continue;
                ret = add(archive, metadata, engine, options, out, &refused);
                if (ret < 0 && out->several && refused.kind == &ERROR_TRANSLATION)
                        ret = buffer_printf(&out->notes, "%s: no image, because %s\n", engine_name(engine),
                                            refused.text) < 0
                                      ? error_oom(&refused)
                                      : 0;
        }
        if (ret == 0 && options->engines && !out->count)
                ret = -ENOTSUP;
        if (ret < 0 && err)
                *err = refused;
        return ret;
}

static int append(void *context, struct slice bytes, struct error *err)
{
        return layer_writer_append(context, bytes, err);
}

static int write_layer(struct edition *edition, struct target *target, const struct image_options *options,
                       struct pool *pool, struct error *err)
{
        _cleanup_layer_writer_ struct layer_writer *writer = NULL;
        int ret = layer_writer_open(target, options, pool, false, &writer, err);

        if (ret == 0)
                ret = translation_write(edition->translation, append, writer, err);
        return ret == 0 ? layer_writer_finish(writer, &edition->layer, err) : ret;
}

int editions_write_layers(struct editions *editions, struct target *target,
                          const struct image_options *options, struct error *err)
{
        _cleanup_pool_ struct pool *pool = NULL;
        int ret = 0;

        if (editions->count && options->compression != COMPRESSION_NONE)
                ret = pool_new(0, 1, &pool, err);
        for (unsigned i = 0; i < editions->count && ret == 0; i++)
                ret = write_layer(&editions->items[i], target, options, pool, err);
        return ret;
}

int editions_tag(const struct editions *editions, const struct edition *edition, const char *tag,
                 char out[IMAGE_TAG_SIZE], struct error *err)
{
        int n = snprintf(out, IMAGE_TAG_SIZE, "%s%s%s", tag, editions->several ? "-" : "",
                         editions->several ? suffixes[edition->engine] : "");

        return n < IMAGE_TAG_SIZE ? 0
                                  : error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                              "the tag `%s` leaves no room for the name of an engine", tag);
}

void editions_free(struct editions *editions)
{
        for (unsigned i = 0; i < editions->count; i++) {
                translation_free(editions->items[i].translation);
                image_layers_free(&editions->items[i].layer, 1);
        }
        buffer_free(&editions->notes);
        editions->count = 0;
}
