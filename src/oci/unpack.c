/* SPDX-License-Identifier: Apache-2.0 */
/* An image becomes an archive again: its layers, one after the other, as one tar or as a directory. */
#include <errno.h>
#include <fcntl.h>
#include "archive/extract.h"
#include "archive/index.h"
#include "base/bulk_writer.h"
#include "base/compress.h"
#include "base/file.h"
#include "oci/image_signature.h"
#include "oci/layer_cipher.h"
#include "oci/manifest.h"
#include "oci/source.h"

#define CHUNK_SIZE (1 * MIB)

struct unpack {
        struct source *source;
        const char *path; /* of the image */
        const struct progress *progress;
        int fd;                     /* the directory, or the file when it is written again … */
        struct bulk_writer *writer; /* … or the first time */
        uint64_t done, total;       /* bytes of blobs */
};

/* Where one is in the tar that a layer is. */
struct layer_place {
        uint64_t left; /* bytes until the next header */
        uint8_t header[TAR_BLOCK];
        size_t filled;          /* bytes of that */
        bool ended;             /* the end marker came, with which nothing is joined */
        struct tar_entry entry; /* the last one */
};

/* A blob on its way through a decompressor. */
struct feed {
        struct unpack *unpack;
        struct source_blob *blob;
        struct slice chunk;        /* what is left of the last one */
        struct ctr_hmac *cipher;   /* NULL: it is not encrypted */
        struct buffer clear;       /* the last chunk, decrypted */
        struct layer_place *place; /* when it becomes part of a tar */
        struct error *err;
};

static int decrypt_chunk(struct feed *feed, struct error *err)
{
        feed->clear.size = 0;
        if (buffer_append(&feed->clear, feed->chunk.data, feed->chunk.size) < 0)
                return error_oom(err);
        feed->chunk = buffer_slice(&feed->clear);
        return ctr_hmac_decrypt(feed->cipher, feed->clear.data, feed->clear.size) < 0
                       ? error_set(err, &ERROR_INTERNAL, -EIO, "AES failed")
                       : 1;
}

/* At the end, which is come upon more than once. */
static int check_cipher(struct feed *feed, struct error *err)
{
        int ret = feed->cipher ? ctr_hmac_verify(feed->cipher) : 0;

        ctr_hmac_free(feed->cipher);
        feed->cipher = NULL;
        return ret < 0 ? error_set(err, &ERROR_ENCRYPTED_LAYER, -EBADMSG,
                                   "`%s`: an encrypted layer was altered", feed->unpack->path)
                       : 0;
}

static int next_chunk(struct feed *feed, struct error *err)
{
        struct unpack *unpack = feed->unpack;
        int ret = source_blob_next(feed->blob, &feed->chunk, err);

        if (ret <= 0)
                return ret < 0 ? ret : check_cipher(feed, err);
        if (progress_cancelled(unpack->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "reading the image was cancelled");
        unpack->done += feed->chunk.size;
        progress_step(unpack->progress, "unpack", unpack->done, unpack->total);
        return feed->cipher ? decrypt_chunk(feed, err) : 1;
}

static ssize_t read_blob(void *context, void *data, size_t size)
{
        struct feed *feed = context;
        struct slice part;

        if (!feed->chunk.size) {
                int ret = next_chunk(feed, feed->err);

                if (ret <= 0)
                        return ret;
        }
        slice_take(&feed->chunk, size < feed->chunk.size ? size : feed->chunk.size, &part);
        memcpy(data, part.data, part.size);
        return (ssize_t)part.size;
}

static int write_bytes(struct unpack *unpack, struct slice bytes, struct error *err)
{
        int ret = bulk_writer_write(unpack->writer, bytes);

        return ret < 0 ? error_errno(err, -ret, "cannot write the archive") : 0;
}

/* A header is whole. */
static int pass_header(struct unpack *unpack, struct layer_place *place, struct error *err)
{
        int ret = tar_header_parse(place->header, &place->entry, err);

        place->filled = 0;
        if (ret < 0)
                return error_wrap(err, ret, "`%s`, layer", unpack->path);
        place->ended = ret == 0;
        if (place->ended)
                return 0;
        place->left = tar_padded(place->entry.size);
        return write_bytes(unpack, (struct slice){place->header, TAR_BLOCK}, err);
}

/* Writes what is a member's; not the end marker, nor what is behind it. */
static int write_members(struct feed *feed, struct slice bytes, struct error *err)
{
        struct layer_place *place = feed->place;
        struct slice part;
        int ret = 0;

        while (ret == 0 && bytes.size && !place->ended) {
                if (place->left) {
                        slice_take(&bytes, bytes.size < place->left ? bytes.size : (size_t)place->left,
                                   &part);
                        place->left -= part.size;
                        ret = write_bytes(feed->unpack, part, err);
                        continue;
                }
                slice_take(&bytes,
                           bytes.size < TAR_BLOCK - place->filled ? bytes.size : TAR_BLOCK - place->filled,
                           &part);
                memcpy(place->header + place->filled, part.data, part.size);
                place->filled += part.size;
                if (place->filled == TAR_BLOCK)
                        ret = pass_header(feed->unpack, place, err);
        }
        return ret;
}

static int copy_plain(struct feed *feed, struct error *err)
{
        int ret;

        while ((ret = next_chunk(feed, err)) > 0) {
                ret = write_members(feed, feed->chunk, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* What `read_blob` could not read has a reason of its own. */
static int blob_error(const struct error *why, int ret, struct error *err)
{
        if (why->kind && err)
                *err = *why;
        return ret;
}

/* Bytes behind the end are not expanded, but are part of the digest. */
static int read_rest(struct feed *feed, struct error *err)
{
        int ret;

        while ((ret = next_chunk(feed, err)) > 0)
                ;
        return ret;
}

static int copy_expanded(struct feed *feed, enum compression compression, struct error *err)
{
        _cleanup_decompressor_ struct decompressor *decompressor = NULL;
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_SIZE);
        struct error why = {0};
        ssize_t n;
        int ret;

        if (!chunk)
                return error_oom(err);
        feed->err = &why;
        ret = decompressor_new(compression, read_blob, feed, &decompressor, err);
        if (ret < 0)
                return ret;
        while ((n = decompressor_read(decompressor, chunk, CHUNK_SIZE, err)) > 0) {
                ret = write_members(feed, (struct slice){chunk, (size_t)n}, err);
                if (ret < 0)
                        return ret;
        }
        if (n < 0)
                return blob_error(&why, error_wrap(err, (int)n, "`%s`", feed->unpack->path), err);
        return read_rest(feed, err);
}

/* A layer becomes a part of a tar. Some builders leave its end marker out. */
static int copy_layer(struct feed *feed, enum compression compression, struct error *err)
{
        _cleanup_free_ struct layer_place *place = calloc(1, sizeof(*place));
        int ret;

        if (!place)
                return error_oom(err);
        feed->place = place;
        ret = compression == COMPRESSION_NONE ? copy_plain(feed, err) : copy_expanded(feed, compression, err);
        feed->place = NULL;
        if (ret == 0 && (place->left || place->filled))
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "`%s`: a layer is cut short",
                                 feed->unpack->path);
        return ret;
}

static int extract_layer(struct feed *feed, enum compression compression, struct error *err)
{
        struct error why = {0};
        int ret;

        feed->err = &why;
        ret = archive_extract_layer(compression, read_blob, feed, feed->unpack->path, feed->unpack->fd, err);
        return ret < 0 ? blob_error(&why, ret, err) : read_rest(feed, err);
}

static int open_cipher(const struct unpack *unpack, const struct image_layer *layer, struct ctr_hmac **out,
                       struct error *err)
{
        struct ctr_hmac_key key;
        int ret = layer_key_unlock(layer->encryption, unpack->path, &key, err);

        if (ret == 0)
                ret = ctr_hmac_new(&key, out, err);
        explicit_bzero(&key, sizeof(key));
        return ret;
}

/* Hands the layer, decrypted, to `take`, which expands it. */
static int take_layer(struct unpack *unpack, const struct image_layer *layer,
                      int (*take)(struct feed *feed, enum compression compression, struct error *err),
                      struct error *err)
{
        _cleanup_source_blob_ struct source_blob *blob = NULL;
        struct feed feed = {.unpack = unpack};
        int ret = source_blob_open(unpack->source, &layer->blob, &blob, err);

        if (ret == 0 && layer->encryption)
                ret = open_cipher(unpack, layer, &feed.cipher, err);
        feed.blob = blob;
        if (ret == 0)
                ret = take(&feed, layer->compression, err);
        ctr_hmac_free(feed.cipher);
        buffer_free(&feed.clear);
        return ret;
}

static void sum_layers(struct unpack *unpack, const struct image_layer *layers, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (add_overflow(unpack->total, layers[i].blob.size, &unpack->total))
                        unpack->total = 0;
}

static int add_layers(struct unpack *unpack, const struct image_layer *layers, size_t count,
                      struct error *err)
{
        static const uint8_t zeros[2 * TAR_BLOCK];
        int ret = 0;

        for (size_t i = 0; i < count && ret == 0; i++)
                ret = take_layer(unpack, &layers[i], copy_layer, err);
        return ret < 0 ? ret : write_bytes(unpack, (struct slice){zeros, sizeof(zeros)}, err);
}

static int copy_member(void *context, const struct archive_member *member, struct slice raw,
                       struct error *err)
{
        struct unpack *unpack = context;
        int ret;

        if (member && strcmp(member->name, ARCHIVE_INDEX_NAME) == 0)
                return 0;
        if (progress_cancelled(unpack->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "reading the image was cancelled");
        ret = file_write_full(unpack->fd, raw.data, raw.size);
        return ret < 0 ? error_errno(err, -ret, "cannot write the archive") : 0;
}

/* What came out must be an archive that we would open: names that stay inside, no doubles, no links. Who
 * built the image of one of ours without us took the index along, which fits no more: the archive is written
 * again without it. */
static int commit(struct unpack *unpack, struct file_writer *writer, const char *path, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *again = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        int ret = archive_open(file_writer_temp_path(writer), &archive, err);

        if (ret < 0)
                return error_wrap(err, ret, "the image");
        if (!archive_find(archive, ARCHIVE_INDEX_NAME))
                return file_writer_commit(writer, err);
        ret = file_writer_open(path, false, &again, err);
        if (ret < 0)
                return ret;
        unpack->fd = file_writer_fd(again);
        ret = archive_stream(archive, copy_member, unpack, err);
        return ret < 0 ? ret : file_writer_commit(again, err);
}

static int write_archive(struct unpack *unpack, const struct image_layer *layers, size_t count,
                         const char *path, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *file = NULL;
        _cleanup_bulk_writer_ struct bulk_writer *writer = NULL;
        int ret = file_writer_open(path, false, &file, err);

        if (ret == 0)
                ret = bulk_writer_new(file_writer_fd(file), &writer, err);
        if (ret < 0)
                return ret;
        unpack->writer = writer;
        ret = add_layers(unpack, layers, count, err);
        if (ret < 0)
                return ret;
        ret = bulk_writer_finish(writer);
        return ret < 0 ? error_errno(err, -ret, "cannot write the archive") : commit(unpack, file, path, err);
}

/* A directory has nothing that would have to be cut off or joined. */
static int write_directory(struct unpack *unpack, const struct image_layer *layers, size_t count,
                           const char *path, struct error *err)
{
        int ret = 0;

        for (size_t i = 0; i < count && ret == 0; i++)
                ret = take_layer(unpack, &layers[i], extract_layer, err);
        return ret;
}

/* If the policy admits the image. */
static int unpack_image(struct unpack *unpack, const struct image_reference *from,
                        const struct registry_access *access,
                        int (*write)(struct unpack *unpack, const struct image_layer *layers, size_t count,
                                     const char *path, struct error *err),
                        const char *path, struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        _cleanup_source_ struct source *source = NULL;
        struct image_layer layers[MANIFEST_LAYERS];
        size_t count = 0;
        int ret = source_open(from, access, &source, err);

        if (ret == 0)
                ret = source_image(source, &manifest, err);
        if (ret == 0)
                ret = image_admit(from, source, &manifest.named, &manifest.descriptor.digest, err);
        if (ret == 0)
                ret = source_layers(source, &manifest, layers, &count, err);
        unpack->source = source;
        sum_layers(unpack, layers, count);
        if (ret == 0)
                ret = write(unpack, layers, count, path, err);
        image_layers_free(layers, count);
        return ret;
}

int image_to_archive(const struct image_reference *from, const struct registry_access *access,
                     const char *path, const struct progress *progress, struct error *err)
{
        struct unpack unpack = {.path = from->path, .progress = progress};

        return unpack_image(&unpack, from, access, write_archive, path, err);
}

int image_to_directory(const struct image_reference *from, const struct registry_access *access, int dir,
                       const struct progress *progress, struct error *err)
{
        struct unpack unpack = {.path = from->path, .progress = progress, .fd = dir};

        return unpack_image(&unpack, from, access, write_directory, NULL, err);
}
