/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/source.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/hash_thread.h"
#include "base/json.h"
#include "oci/image_index.h"
#include "oci/layout_index.h"
#include "oci/manifest.h"
#include "oci/registry_client.h"

#define CHUNK_SIZE (1 * MIB)

struct source {
        char *name;
        char *wanted;                 /* a tag or "sha256:…" */
        struct layout_reader *layout; /* exactly one of the two */
        struct registry *registry;
        bool is_borrowed; /* the registry */
};

struct source_blob {
        struct source *source;
        struct registry_download *download; /* of a registry; else the rest: */
        int fd;
        uint64_t offset, left;
        struct sha256_stream *sha256;
        struct hash_thread *hasher; /* feeds it; NULL: it has ended */
        struct sha256 digest;
        uint8_t *chunk;
        bool ended;
};

static int source_new(const char *name, const char *wanted, struct source **out, struct error *err)
{
        _cleanup_source_ struct source *source = calloc(1, sizeof(*source));

        if (!source)
                return error_oom(err);
        source->name = strdup(name);
        source->wanted = strdup(wanted);
        if (!source->name || !source->wanted)
                return error_oom(err);
        *out = steal_ptr(source);
        return 0;
}

int source_of(struct registry *registry, const char *tag, struct source **out, struct error *err)
{
        int ret = source_new(registry_name(registry), tag, out, err);

        if (ret < 0)
                return ret;
        (*out)->registry = registry;
        (*out)->is_borrowed = true;
        return 0;
}

int source_open(const struct image_reference *from, const struct registry_access *access, struct source **out,
                struct error *err)
{
        _cleanup_source_ struct source *source = NULL;
        int ret = source_new(from->path, from->tag, &source, err);

        if (ret < 0)
                return ret;
        ret = from->transport == IMAGE_DOCKER
                      ? registry_open_named(from->path, access, &source->registry, err)
                      : layout_reader_open(from, &source->layout, err);
        if (ret == 0)
                *out = steal_ptr(source);
        return ret;
}

void source_free(struct source *source)
{
        if (!source)
                return;
        free(source->name);
        free(source->wanted);
        layout_reader_free(source->layout);
        if (!source->is_borrowed)
                registry_free(source->registry);
        free(source);
}

const char *source_name(const struct source *source)
{
        return source->name;
}

struct layout_reader *source_layout(const struct source *source)
{
        return source->layout;
}

struct registry *source_registry(const struct source *source)
{
        return source->registry;
}

void source_manifest_free(struct source_manifest *manifest)
{
        buffer_free(&manifest->text);
        *manifest = (struct source_manifest){0};
}

static int from_registry(struct source *source, const char *name, struct source_manifest *out,
                         struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest manifest = {0};
        int ret = registry_manifest_get(source->registry, name, &manifest, err);

        if (ret < 0)
                return ret;
        *out = (struct source_manifest){
                .is_index = image_index_type_is(manifest.media_type),
                .descriptor = manifest.descriptor,
                .named = manifest.descriptor.digest,
                .text = manifest.text,
        };
        snprintf(out->media_type, sizeof(out->media_type), "%s", manifest.media_type);
        manifest.text = (struct buffer){0};
        return 0;
}

static int from_layout(struct source *source, const struct descriptor *which, bool is_index,
                       struct source_manifest *out, struct error *err)
{
        *out = (struct source_manifest){.is_index = is_index, .descriptor = *which, .named = which->digest};
        snprintf(out->media_type, sizeof(out->media_type), "%s", is_index ? MEDIA_INDEX : MEDIA_MANIFEST);
        return layout_reader_blob(source->layout, which, MANIFEST_MAX, &out->text, err);
}

int source_tagged(struct source *source, const char *tag, struct source_manifest *out, struct error *err)
{
        struct descriptor found;
        bool is_index;
        int ret;

        if (source->registry)
                return from_registry(source, tag, out, err);
        ret = layout_reader_find(source->layout, tag, &found, &is_index, err);
        return ret < 0 ? ret : from_layout(source, &found, is_index, out, err);
}

int source_manifest(struct source *source, struct source_manifest *out, struct error *err)
{
        return source_tagged(source, source->wanted, out, err);
}

int source_listed(struct source *source, const struct descriptor *which, bool is_index,
                  struct source_manifest *out, struct error *err)
{
        char name[7 + SHA256_HEX_SIZE] = "sha256:";

        if (source->layout)
                return from_layout(source, which, is_index, out, err);
        sha256_hex(&which->digest, name + 7);
        return from_registry(source, name, out, err);
}

int source_image(struct source *source, struct source_manifest *out, struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest index = {0};
        struct descriptor image;
        int ret = source_manifest(source, &index, err);

        if (ret < 0)
                return ret;
        if (!index.is_index) {
                *out = index;
                index = (struct source_manifest){0};
                return 0;
        }
        ret = image_index_choose(buffer_slice(&index.text), manifest_architecture(), &image, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", source->name);
        ret = source_listed(source, &image, false, out, err);
        out->named = index.descriptor.digest;
        return ret;
}

int source_layers(const struct source *source, const struct source_manifest *manifest,
                  struct image_layer *layers, size_t *count, struct error *err)
{
        int ret = manifest_parse(buffer_slice(&manifest->text), layers, count, err);

        return ret < 0 ? error_wrap(err, ret, "`%s`", source->name) : 0;
}

int source_blob(struct source *source, const struct descriptor *blob, uint64_t limit, struct buffer *out,
                struct error *err)
{
        return source->registry ? registry_blob_get(source->registry, blob, limit, out, err)
                                : layout_reader_blob(source->layout, blob, limit, out, err);
}

/* A descriptor of its own: the reader may be asked for another blob meanwhile. */
static int open_file(struct source_blob *blob, const struct descriptor *which, struct error *err)
{
        int fd, ret = layout_reader_locate(blob->source->layout, which, &fd, &blob->offset, err);

        if (ret == 0)
                ret = sha256_new(&blob->sha256, err);
        if (ret == 0)
                ret = hash_thread_new(blob->sha256, &blob->hasher, err);
        if (ret < 0)
                return ret;
        blob->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (blob->fd < 0)
                return error_errno(err, errno, "cannot read `%s`", blob->source->name);
        blob->chunk = malloc(CHUNK_SIZE);
        return blob->chunk ? 0 : error_oom(err);
}

int source_blob_open(struct source *source, const struct descriptor *blob, struct source_blob **out,
                     struct error *err)
{
        _cleanup_source_blob_ struct source_blob *opened = calloc(1, sizeof(*opened));
        int ret;

        if (!opened)
                return error_oom(err);
        opened->source = source;
        opened->fd = -1;
        opened->left = blob->size;
        opened->digest = blob->digest;
        ret = source->registry ? registry_download_open(source->registry, blob, &opened->download, err)
                               : open_file(opened, blob, err);
        if (ret == 0)
                *out = steal_ptr(opened);
        return ret;
}

static int finish_file(struct source_blob *blob, struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        struct sha256 digest;

        if (hash_thread_free(steal_ptr(blob->hasher)) < 0 || sha256_finish(blob->sha256, &digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        if (!sha256_equal(&digest, &blob->digest))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG, "`%s`: blob %s differs from its digest",
                                 blob->source->name, sha256_hex(&blob->digest, hex));
        return 0;
}

static int next_of_file(struct source_blob *blob, struct slice *chunk, struct error *err)
{
        ssize_t n;

        if (!blob->left)
                return finish_file(blob, err);
        n = file_pread_full(blob->fd, blob->chunk, blob->left < CHUNK_SIZE ? (size_t)blob->left : CHUNK_SIZE,
                            blob->offset);
        if (n <= 0)
                return error_errno(err, n < 0 ? (int)-n : EIO, "cannot read `%s`", blob->source->name);
        hash_thread_append(blob->hasher, (struct slice){blob->chunk, (size_t)n});
        blob->offset += (uint64_t)n;
        blob->left -= (uint64_t)n;
        *chunk = (struct slice){blob->chunk, (size_t)n};
        return 1;
}

int source_blob_next(struct source_blob *blob, struct slice *chunk, struct error *err)
{
        int ret;

        if (blob->ended)
                return 0;
        ret = blob->download ? registry_download_next(blob->download, chunk, err)
                             : next_of_file(blob, chunk, err);
        blob->ended = ret == 0;
        return ret;
}
void source_blob_free(struct source_blob *blob)
{
        if (!blob)
                return;
        registry_download_free(blob->download);
        if (blob->hasher)
                (void)hash_thread_free(blob->hasher);
        sha256_free(blob->sha256);
        if (blob->fd >= 0)
                close(blob->fd);
        free(blob->chunk);
        free(blob);
}
