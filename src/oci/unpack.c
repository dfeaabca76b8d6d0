/* SPDX-License-Identifier: Apache-2.0 */
/* An image becomes an archive again: its layers, one after the other, as one tar; in place or as a file. */
#include <errno.h>
#include <fcntl.h>
#include "archive/index.h"
#include "base/compress.h"
#include "base/file.h"
#include "oci/manifest.h"

#define CHUNK_SIZE (1 * MIB)

/* The disk starts on what was written when so much has gathered. */
#define FLUSH_SIZE (16 * MIB)

/* A blob that is read forward, hashed on the way. */
struct blob {
        int fd;
        uint64_t offset, left;
        struct sha256_stream *sha256;
};

struct unpack {
        const char *path; /* of the image */
        const struct progress *progress;
        int fd;       /* the archive */
        uint64_t end; /* of what it holds so far, without an end marker */
        uint8_t *chunk;
        uint64_t done, total; /* bytes of blobs */
};

static ssize_t read_blob(void *context, void *data, size_t size)
{
        struct blob *blob = context;
        ssize_t n =
                file_pread_full(blob->fd, data, blob->left < size ? (size_t)blob->left : size, blob->offset);

        if (n <= 0)
                return n;
        blob->offset += (uint64_t)n;
        blob->left -= (uint64_t)n;
        return sha256_update(blob->sha256, data, (size_t)n) < 0 ? -EIO : n;
}

/* Expands a blob to the end of the archive; `from` gives plain bytes. */
static int copy_expanded(struct unpack *unpack, struct blob *blob, struct decompressor *from,
                         struct error *err)
{
        uint64_t at = unpack->end, flushed = at, before = blob->left;

        for (;;) {
                ssize_t n = from ? decompressor_read(from, unpack->chunk, CHUNK_SIZE, err)
                                 : read_blob(blob, unpack->chunk, CHUNK_SIZE);
                int ret;

                if (n < 0)
                        return from ? (int)n : error_errno(err, (int)-n, "cannot read `%s`", unpack->path);
                if (n == 0)
                        break;
                ret = file_pwrite_full(unpack->fd, unpack->chunk, (size_t)n, at);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot write the archive");
                at += (uint64_t)n;
                if (at - flushed >= FLUSH_SIZE) {
                        sync_file_range(unpack->fd, (off_t)flushed, (off_t)(at - flushed),
                                        SYNC_FILE_RANGE_WRITE);
                        flushed = at;
                }
                if (progress_cancelled(unpack->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                         "reading the image was cancelled");
                progress_step(unpack->progress, "unpack", unpack->done + before - blob->left, unpack->total);
        }
        /* Bytes behind the end are not expanded, but are part of the digest. */
        while (blob->left) {
                ssize_t n = read_blob(blob, unpack->chunk, CHUNK_SIZE);

                if (n <= 0)
                        return error_errno(err, n < 0 ? (int)-n : EIO, "cannot read `%s`", unpack->path);
        }
        unpack->done += before;
        return ftruncate(unpack->fd, (off_t)at) < 0 ? error_errno(err, errno, "cannot write the archive") : 0;
}

/* Moves the end forward over the members that were added, up to the end marker. */
static int find_end(struct unpack *unpack, struct error *err)
{
        _cleanup_free_ struct tar_entry *entry = malloc(sizeof(*entry));
        uint8_t block[TAR_BLOCK];

        if (!entry)
                return error_oom(err);
        for (;;) {
                ssize_t n = file_pread_full(unpack->fd, block, sizeof(block), unpack->end);
                int ret;

                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read the archive");
                if (n == 0)
                        return 0; /* some builders leave the marker out */
                if ((size_t)n < sizeof(block))
                        return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "`%s`: a layer is cut short",
                                         unpack->path);
                ret = tar_header_parse(block, entry, err);
                if (ret < 0)
                        return error_wrap(err, ret, "`%s`, layer", unpack->path);
                if (ret == 0)
                        return 0;
                unpack->end += TAR_BLOCK + tar_padded(entry->size);
        }
}

static int add_layer(struct unpack *unpack, struct layout_reader *reader, const struct image_layer *layer,
                     struct error *err)
{
        _cleanup_decompressor_ struct decompressor *decompressor = NULL;
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        struct blob blob = {.left = layer->blob.size};
        char hex[SHA256_HEX_SIZE];
        struct sha256 digest;
        int ret = layout_reader_locate(reader, &layer->blob, &blob.fd, &blob.offset, err);

        if (ret == 0)
                ret = sha256_new(&sha256, err);
        blob.sha256 = sha256;
        if (ret == 0 && layer->compression != COMPRESSION_NONE)
                ret = decompressor_new(layer->compression, read_blob, &blob, &decompressor, err);
        if (ret == 0)
                ret = copy_expanded(unpack, &blob, decompressor, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", unpack->path);
        if (sha256_finish(sha256, &digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        if (!sha256_equal(&digest, &layer->blob.digest))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG, "`%s`: layer %s differs from its digest",
                                 unpack->path, sha256_hex(&layer->blob.digest, hex));
        return find_end(unpack, err);
}

static int add_layers(struct unpack *unpack, struct layout_reader *reader, const struct image_layer *layers,
                      size_t count, struct error *err)
{
        static const uint8_t zeros[2 * TAR_BLOCK];
        int ret;

        for (size_t i = 0; i < count; i++)
                if (add_overflow(unpack->total, layers[i].blob.size, &unpack->total))
                        unpack->total = 0;
        for (size_t i = 0; i < count; i++) {
                ret = add_layer(unpack, reader, &layers[i], err);
                if (ret < 0)
                        return ret;
        }
        ret = file_pwrite_full(unpack->fd, zeros, sizeof(zeros), unpack->end);
        if (ret < 0 || ftruncate(unpack->fd, (off_t)(unpack->end + sizeof(zeros))) < 0)
                return error_errno(err, ret < 0 ? -ret : errno, "cannot write the archive");
        return 0;
}

static int load_layers(struct layout_reader *reader, const struct image_reference *from,
                       struct image_layer *layers, size_t *count, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct descriptor manifest;
        int ret = layout_reader_find(reader, from->tag, &manifest, err);

        if (ret == 0)
                ret = layout_reader_blob(reader, &manifest, MANIFEST_MAX, &text, err);
        if (ret < 0)
                return ret;
        ret = manifest_parse(buffer_slice(&text), layers, count, err);
        return ret < 0 ? error_wrap(err, ret, "`%s`, image `%s`", from->path, from->tag) : 0;
}

/* Every part has a descriptor of its own, to be closed. */
static int locate_layers(struct layout_reader *reader, const struct image_layer *layers, size_t count,
                         struct archive_part *parts, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                struct archive_part *part = &parts[i];
                int fd, ret = layout_reader_locate(reader, &layers[i].blob, &fd, &part->offset, err);

                if (ret < 0)
                        return ret;
                part->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
                if (part->fd < 0)
                        return error_errno(err, errno, "cannot read the image");
                part->size = layers[i].blob.size;
                part->compression = layers[i].compression;
                part->digest = layers[i].blob.digest;
        }
        return 0;
}

int image_open(const struct image_reference *from, struct archive **out, struct error *err)
{
        _cleanup_layout_reader_ struct layout_reader *reader = NULL;
        struct archive_part parts[MANIFEST_LAYERS];
        struct image_layer layers[MANIFEST_LAYERS];
        size_t count = 0;
        int ret = layout_reader_open(from, &reader, err);

        if (ret == 0)
                ret = load_layers(reader, from, layers, &count, err);
        if (ret < 0)
                return ret;
        for (size_t i = 0; i < count; i++)
                parts[i].fd = -1;
        ret = locate_layers(reader, layers, count, parts, err);
        if (ret == 0)
                ret = archive_open_parts(from->path, parts, count, out, err);
        for (size_t i = 0; i < count; i++)
                if (parts[i].fd >= 0)
                        close(parts[i].fd);
        return ret;
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

int image_to_archive(const struct image_reference *from, const char *path, const struct progress *progress,
                     struct error *err)
{
        _cleanup_layout_reader_ struct layout_reader *reader = NULL;
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_SIZE);
        struct image_layer layers[MANIFEST_LAYERS];
        struct unpack unpack = {.path = from->path, .progress = progress, .chunk = chunk};
        size_t count;
        int ret;

        if (!chunk)
                return error_oom(err);
        ret = layout_reader_open(from, &reader, err);
        if (ret == 0)
                ret = load_layers(reader, from, layers, &count, err);
        if (ret == 0)
                ret = file_writer_open(path, false, &writer, err);
        if (ret < 0)
                return ret;
        unpack.fd = file_writer_fd(writer);
        ret = add_layers(&unpack, reader, layers, count, err);
        return ret < 0 ? ret : commit(&unpack, writer, path, err);
}
