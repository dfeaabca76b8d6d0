/* SPDX-License-Identifier: Apache-2.0 */
/* An image becomes an archive again: its layers, one after the other, as one tar; in place, as a file or as a
 * directory. */
#include <errno.h>
#include <fcntl.h>
#include "archive/extract.h"
#include "archive/index.h"
#include "base/compress.h"
#include "base/file.h"
#include "base/secret_memory.h"
#include "oci/image_signature.h"
#include "oci/layer_cipher.h"
#include "oci/manifest.h"
#include "oci/remote_layer.h"
#include "oci/source.h"

#define CHUNK_SIZE (1 * MIB)

/* Of an image in a registry, layers up to this size are fetched whole, and kept here. */
#define KEEP_MAX       (16 * MIB)
#define KEEP_DIRECTORY "/var/tmp"

/* The disk starts on what was written when so much has gathered. */
#define FLUSH_SIZE (16 * MIB)

struct unpack {
        struct source *source;
        const char *path; /* of the image */
        const struct progress *progress;
        int fd;       /* the file, or the directory */
        bool lasting; /* it is to be on the disk in the end */
        uint64_t end; /* of what it holds so far, without an end marker */
        uint64_t at, flushed;
        uint64_t done, total; /* bytes of blobs */
};

/* A blob on its way through a decompressor. */
struct feed {
        struct unpack *unpack;
        struct source_blob *blob;
        struct slice chunk;      /* what is left of the last one */
        struct ctr_hmac *cipher; /* NULL: it is not encrypted */
        struct buffer clear;     /* the last chunk, decrypted */
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

static int write_out(struct unpack *unpack, struct slice bytes, struct error *err)
{
        int ret = file_pwrite_full(unpack->fd, bytes.data, bytes.size, unpack->at);

        if (ret < 0)
                return error_errno(err, -ret, "cannot write the archive");
        unpack->at += bytes.size;
        if (unpack->lasting && unpack->at - unpack->flushed >= FLUSH_SIZE) {
                sync_file_range(unpack->fd, (off_t)unpack->flushed, (off_t)(unpack->at - unpack->flushed),
                                SYNC_FILE_RANGE_WRITE);
                unpack->flushed = unpack->at;
        }
        return 0;
}

static int copy_plain(struct unpack *unpack, struct feed *feed, struct error *err)
{
        int ret;

        while ((ret = next_chunk(feed, err)) > 0) {
                ret = write_out(unpack, feed->chunk, err);
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

static int copy_expanded(struct unpack *unpack, struct feed *feed, enum compression compression,
                         struct error *err)
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
                ret = write_out(unpack, (struct slice){chunk, (size_t)n}, err);
                if (ret < 0)
                        return ret;
        }
        if (n < 0)
                return blob_error(&why, error_wrap(err, (int)n, "`%s`", unpack->path), err);
        return read_rest(feed, err);
}

static int copy_layer(struct unpack *unpack, struct feed *feed, enum compression compression,
                      struct error *err)
{
        int ret;

        unpack->at = unpack->flushed = unpack->end;
        ret = compression == COMPRESSION_NONE ? copy_plain(unpack, feed, err)
                                              : copy_expanded(unpack, feed, compression, err);
        if (ret < 0)
                return ret;
        return ftruncate(unpack->fd, (off_t)unpack->at) < 0
                       ? error_errno(err, errno, "cannot write the archive")
                       : 0;
}

static int extract_layer(struct unpack *unpack, struct feed *feed, enum compression compression,
                         struct error *err)
{
        struct error why = {0};
        int ret;

        feed->err = &why;
        ret = archive_extract_layer(compression, read_blob, feed, unpack->path, unpack->fd, err);
        return ret < 0 ? blob_error(&why, ret, err) : read_rest(feed, err);
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
                      int (*take)(struct unpack *unpack, struct feed *feed, enum compression compression,
                                  struct error *err),
                      struct error *err)
{
        _cleanup_source_blob_ struct source_blob *blob = NULL;
        struct feed feed = {.unpack = unpack};
        int ret = source_blob_open(unpack->source, &layer->blob, &blob, err);

        if (ret == 0 && layer->encryption)
                ret = open_cipher(unpack, layer, &feed.cipher, err);
        feed.blob = blob;
        if (ret == 0)
                ret = take(unpack, &feed, layer->compression, err);
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
        int ret;

        for (size_t i = 0; i < count; i++) {
                ret = take_layer(unpack, &layers[i], copy_layer, err);
                if (ret == 0)
                        ret = find_end(unpack, err);
                if (ret < 0)
                        return ret;
        }
        ret = file_pwrite_full(unpack->fd, zeros, sizeof(zeros), unpack->end);
        if (ret < 0 || ftruncate(unpack->fd, (off_t)(unpack->end + sizeof(zeros))) < 0)
                return error_errno(err, ret < 0 ? -ret : errno, "cannot write the archive");
        return 0;
}

static int parse_layers(struct source *source, const struct source_manifest *manifest,
                        struct image_layer *layers, size_t *count, struct error *err)
{
        int ret = manifest_parse(buffer_slice(&manifest->text), layers, count, err);

        return ret < 0 ? error_wrap(err, ret, "`%s`", source_name(source)) : 0;
}

/* Every part has a descriptor of its own, to be closed. */
static int locate_layer(struct source *source, const struct image_layer *layer, struct archive_part *part,
                        struct error *err)
{
        int fd, ret = layout_reader_locate(source_layout(source), &layer->blob, &fd, &part->offset, err);

        if (ret < 0)
                return ret;
        part->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return part->fd < 0 ? error_errno(err, errno, "cannot read the image") : 0;
}

/* A layer that is read forward, or small, is kept in a file without a name, as it is; verified. */
static int keep_layer(struct source *source, const struct image_layer *layer, struct archive_part *part,
                      struct error *err)
{
        struct image_layer as_it_is = *layer;
        struct unpack unpack = {.source = source, .path = source_name(source)};

        part->fd = open(KEEP_DIRECTORY, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (part->fd < 0)
                return error_errno(err, errno, "cannot make a file in %s", KEEP_DIRECTORY);
        unpack.fd = part->fd;
        as_it_is.compression = COMPRESSION_NONE;
        as_it_is.encryption = NULL;
        return take_layer(&unpack, &as_it_is, copy_layer, err);
}

static bool is_read_in_place(const struct image_layer *layer)
{
        return layer->compression == COMPRESSION_NONE && layer->blob.size > KEEP_MAX;
}

/* What stays in the registry is read there; the source goes with it. */
static int reach_layers(struct source **source, const struct image_layer *layers, size_t count,
                        struct archive_part *parts, struct error *err)
{
        struct archive_remote remotes[MANIFEST_LAYERS];
        struct descriptor blobs[MANIFEST_LAYERS];
        size_t remote = 0;
        int ret;

        for (size_t i = 0; i < count; i++) {
                if (is_read_in_place(&layers[i])) {
                        blobs[remote++] = layers[i].blob;
                        continue;
                }
                ret = keep_layer(*source, &layers[i], &parts[i], err);
                if (ret < 0)
                        return ret;
        }
        if (!remote)
                return 0;
        ret = remote_layers_open(steal_ptr(*source), blobs, remote, remotes, err);
        if (ret < 0)
                return ret;
        for (size_t i = count; i-- > 0;)
                if (is_read_in_place(&layers[i]))
                        parts[i].remote = remotes[--remote];
        return 0;
}

static int find_parts(struct source **source, const struct image_layer *layers, size_t count,
                      struct archive_part *parts, struct error *err)
{
        int ret = 0;

        if (!source_layout(*source))
                return reach_layers(source, layers, count, parts, err);
        for (size_t i = 0; i < count && ret == 0; i++)
                ret = locate_layer(*source, &layers[i], &parts[i], err);
        return ret;
}

/* Keys of those layers that are encrypted, for the parts to point at. */
static int unlock_layers(struct source *source, const struct image_layer *layers, size_t count,
                         struct archive_part *parts, struct secret_memory *keys, struct error *err)
{
        int ret = secret_memory_new(count * sizeof(struct ctr_hmac_key), keys, err);

        for (size_t i = 0; i < count && ret == 0; i++) {
                struct ctr_hmac_key *key = (struct ctr_hmac_key *)(void *)keys->data + i;

                if (!layers[i].encryption)
                        continue;
                ret = layer_key_unlock(layers[i].encryption, source_name(source), key, err);
                parts[i].key = key;
        }
        return ret;
}

static int open_layers(struct source **source, const char *name, const struct image_layer *layers,
                       size_t count, struct archive **out, struct error *err)
{
        _cleanup_secret_memory_ struct secret_memory keys = {0};
        struct archive_part parts[MANIFEST_LAYERS];
        int ret;

        for (size_t i = 0; i < count; i++)
                parts[i] = (struct archive_part){.fd = -1,
                                                 .size = layers[i].blob.size,
                                                 .compression = layers[i].compression,
                                                 .digest = layers[i].blob.digest};
        ret = unlock_layers(*source, layers, count, parts, &keys, err);
        if (ret == 0)
                ret = find_parts(source, layers, count, parts, err);
        if (ret == 0)
                ret = archive_open_parts(name, parts, count, out, err);
        for (size_t i = 0; i < count; i++)
                if (parts[i].fd >= 0)
                        close(parts[i].fd);
        return ret;
}

int image_open(const struct image_reference *from, const struct registry_access *access, struct archive **out,
               struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        _cleanup_source_ struct source *source = NULL;
        struct image_layer layers[MANIFEST_LAYERS];
        size_t count = 0;
        int ret = source_open(from, access, &source, err);

        if (ret == 0)
                ret = source_image(source, &manifest, err);
        if (ret == 0)
                ret = parse_layers(source, &manifest, layers, &count, err);
        if (ret == 0)
                ret = open_layers(&source, from->path, layers, count, out, err);
        image_layers_free(layers, count);
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

static int write_archive(struct unpack *unpack, const struct image_layer *layers, size_t count,
                         const char *path, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = file_writer_open(path, false, &writer, err);

        if (ret < 0)
                return ret;
        unpack->fd = file_writer_fd(writer);
        ret = add_layers(unpack, layers, count, err);
        return ret < 0 ? ret : commit(unpack, writer, path, err);
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
                ret = parse_layers(source, &manifest, layers, &count, err);
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
        struct unpack unpack = {.path = from->path, .progress = progress, .lasting = true};

        return unpack_image(&unpack, from, access, write_archive, path, err);
}

int image_to_directory(const struct image_reference *from, const struct registry_access *access, int dir,
                       const struct progress *progress, struct error *err)
{
        struct unpack unpack = {.path = from->path, .progress = progress, .fd = dir};

        return unpack_image(&unpack, from, access, write_directory, NULL, err);
}
