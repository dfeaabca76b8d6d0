/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "archive/tar.h"
#include "base/file.h"
#include "base/json.h"
#include "oci/layout_index.h"

/* The disk starts on what was written when so much has gathered, so that the fsync at the end finds little.
 */
#define FLUSH_SIZE (16 * MIB)
#define COPY_SIZE  (1 * MIB)

struct layout_writer {
        enum image_transport transport;
        char *path;
        char *blobs;              /* a directory: where its blobs are */
        struct file_writer *file; /* an archive */
        uint64_t end;             /* of what the archive holds so far */
        struct sha256 *written;   /* blobs in the archive */
        size_t written_count;
};

struct blob_writer {
        struct layout_writer *layout;
        struct file_writer *file; /* in a directory */
        int spool;                /* a small blob of an archive, copied in when it ends; -1: there is none */
        uint64_t base;            /* of its contents in the file */
        uint64_t size, flushed;
};

static int write_directory_entry(struct layout_writer *writer, const char *name, struct error *err);

int layout_writer_open(const struct image_reference *to, struct layout_writer **out, struct error *err)
{
        _cleanup_layout_writer_ struct layout_writer *writer = calloc(1, sizeof(*writer));
        int ret;

        if (!writer)
                return error_oom(err);
        writer->transport = to->transport;
        writer->path = strdup(to->path);
        if (!writer->path || asprintf(&writer->blobs, "%s/blobs/sha256", to->path) < 0)
                return error_oom(err);
        if (to->transport == IMAGE_OCI) {
                ret = file_mkdir_all(writer->blobs, 0700, err);
        } else {
                ret = file_writer_open(to->path, false, &writer->file, err);
                if (ret == 0)
                        ret = write_directory_entry(writer, "blobs/", err);
                if (ret == 0)
                        ret = write_directory_entry(writer, "blobs/sha256/", err);
        }
        if (ret < 0)
                return ret;
        *out = steal_ptr(writer);
        return 0;
}

void layout_writer_free(struct layout_writer *writer)
{
        if (!writer)
                return;
        file_writer_free(writer->file);
        free(writer->path);
        free(writer->blobs);
        free(writer->written);
        free(writer);
}

static int write_at(const struct layout_writer *writer, int fd, const void *data, size_t size,
                    uint64_t offset, struct error *err)
{
        int ret = file_pwrite_full(fd, data, size, offset);

        return ret < 0 ? error_errno(err, -ret, "cannot write `%s`", writer->path) : 0;
}

/* The header of an entry of the archive whose contents are there already. */
static int write_entry_header(struct layout_writer *writer, const char *name, enum tar_type type,
                              uint64_t size, uint64_t offset, struct error *err)
{
        struct tar_entry entry = {.type = type, .mode = type == TAR_DIRECTORY ? 0755 : 0644, .size = size};
        uint8_t block[TAR_BLOCK];

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        if (!tar_header_write(&entry, block))
                return error_set(err, &ERROR_INTERNAL, -EINVAL, "`%s` does not fit into a tar header", name);
        return write_at(writer, file_writer_fd(writer->file), block, sizeof(block), offset, err);
}

static int write_directory_entry(struct layout_writer *writer, const char *name, struct error *err)
{
        int ret = write_entry_header(writer, name, TAR_DIRECTORY, 0, writer->end, err);

        writer->end += TAR_BLOCK;
        return ret;
}

/* Ends an entry whose `size` bytes of contents stand behind the room for its header. */
static int close_entry(struct layout_writer *writer, const char *name, uint64_t size, struct error *err)
{
        static const uint8_t zeros[TAR_BLOCK];
        uint64_t contents = writer->end + TAR_BLOCK;
        int ret = write_at(writer, file_writer_fd(writer->file), zeros, (size_t)(tar_padded(size) - size),
                           contents + size, err);

        if (ret == 0)
                ret = write_entry_header(writer, name, TAR_FILE, size, writer->end, err);
        writer->end = contents + tar_padded(size);
        return ret;
}

static int add_entry(struct layout_writer *writer, const char *name, struct slice bytes, struct error *err)
{
        int ret = write_at(writer, file_writer_fd(writer->file), bytes.data, bytes.size,
                           writer->end + TAR_BLOCK, err);

        return ret < 0 ? ret : close_entry(writer, name, bytes.size, err);
}

/* A file without a name beside the archive. */
static int spool_open(const struct layout_writer *writer, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        int fd;

        if (asprintf(&path, "%s.XXXXXX", writer->path) < 0)
                return error_oom(err);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, errno, "cannot create a file beside `%s`", writer->path);
        unlink(path);
        return fd;
}

int blob_writer_open(struct layout_writer *layout, bool large, struct blob_writer **out, struct error *err)
{
        _cleanup_blob_writer_ struct blob_writer *blob = calloc(1, sizeof(*blob));
        _cleanup_free_ char *path = NULL;
        int ret;

        if (!blob)
                return error_oom(err);
        blob->layout = layout;
        blob->spool = -1;
        if (layout->transport == IMAGE_OCI) {
                if (asprintf(&path, "%s/blob", layout->blobs) < 0)
                        return error_oom(err);
                ret = file_writer_open(path, true, &blob->file, err);
                if (ret < 0)
                        return ret;
        } else if (large) {
                blob->base = layout->end + TAR_BLOCK;
        } else {
                blob->spool = spool_open(layout, err);
                if (blob->spool < 0)
                        return blob->spool;
        }
        *out = steal_ptr(blob);
        return 0;
}

void blob_writer_free(struct blob_writer *blob)
{
        if (!blob)
                return;
        file_writer_free(blob->file);
        if (blob->spool >= 0)
                close(blob->spool);
        free(blob);
}

static int blob_fd(const struct blob_writer *blob)
{
        if (blob->file)
                return file_writer_fd(blob->file);
        return blob->spool >= 0 ? blob->spool : file_writer_fd(blob->layout->file);
}

int blob_writer_append(struct blob_writer *blob, struct slice bytes, struct error *err)
{
        int fd = blob_fd(blob);
        int ret = write_at(blob->layout, fd, bytes.data, bytes.size, blob->base + blob->size, err);

        if (ret < 0)
                return ret;
        blob->size += bytes.size;
        if (blob->size - blob->flushed >= FLUSH_SIZE && blob->spool < 0) {
                /* Only a hint: what it fails at, fsync will report. */
                sync_file_range(fd, (off_t)(blob->base + blob->flushed), (off_t)(blob->size - blob->flushed),
                                SYNC_FILE_RANGE_WRITE);
                blob->flushed = blob->size;
        }
        return 0;
}

static bool is_in_archive(const struct layout_writer *writer, const struct sha256 *digest)
{
        for (size_t i = 0; i < writer->written_count; i++)
                if (sha256_equal(&writer->written[i], digest))
                        return true;
        return false;
}

static int note_written(struct layout_writer *writer, const struct sha256 *digest, struct error *err)
{
        struct sha256 *written = reallocarray(writer->written, writer->written_count + 1, sizeof(*written));

        if (!written)
                return error_oom(err);
        writer->written = written;
        written[writer->written_count++] = *digest;
        return 0;
}

static int copy_spool(struct blob_writer *blob, struct error *err)
{
        struct layout_writer *writer = blob->layout;
        _cleanup_free_ uint8_t *copy = malloc(COPY_SIZE);
        uint64_t done = 0;

        if (!copy)
                return error_oom(err);
        while (done < blob->size) {
                ssize_t n = file_pread_full(blob->spool, copy, COPY_SIZE, done);
                int ret;

                if (n <= 0)
                        return error_errno(err, n < 0 ? (int)-n : EIO, "cannot read a part of `%s` again",
                                           writer->path);
                ret = write_at(writer, file_writer_fd(writer->file), copy, (size_t)n,
                               writer->end + TAR_BLOCK + done, err);
                if (ret < 0)
                        return ret;
                done += (uint64_t)n;
        }
        return 0;
}

static int commit_to_archive(struct blob_writer *blob, const struct sha256 *digest, const char *hex,
                             struct error *err)
{
        char name[sizeof("blobs/sha256/") + SHA256_HEX_SIZE];
        int ret = 0;

        if (is_in_archive(blob->layout, digest))
                return 0;
        if (blob->spool >= 0)
                ret = copy_spool(blob, err);
        snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
        if (ret == 0)
                ret = close_entry(blob->layout, name, blob->size, err);
        return ret < 0 ? ret : note_written(blob->layout, digest, err);
}

int blob_writer_commit(struct blob_writer *blob, const struct sha256 *digest, struct descriptor *out,
                       struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        int ret = 0;

        sha256_hex(digest, hex);
        *out = (struct descriptor){*digest, blob->size};
        if (!blob->file)
                return commit_to_archive(blob, digest, hex, err);
        ret = file_writer_set_name(blob->file, hex, err);
        return ret < 0 ? ret : file_writer_commit(blob->file, err);
}

int layout_writer_add(struct layout_writer *writer, struct slice bytes, struct descriptor *out,
                      struct error *err)
{
        _cleanup_blob_writer_ struct blob_writer *blob = NULL;
        struct sha256 digest;
        int ret;

        ret = sha256_of(bytes, &digest, err);
        if (ret < 0)
                return ret;
        ret = blob_writer_open(writer, true, &blob, err);
        if (ret == 0)
                ret = blob_writer_append(blob, bytes, err);
        return ret < 0 ? ret : blob_writer_commit(blob, &digest, out, err);
}

static int write_file(const char *directory, const char *name, struct slice bytes, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return error_oom(err);
        ret = file_writer_open(path, true, &writer, err);
        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), bytes.data, bytes.size);
        if (ret < 0)
                return error_errno(err, -ret, "cannot write `%s`", path);
        return file_writer_commit(writer, err);
}

/* The old index is read and the new one put in its place under a lock: builds may go on at the same time. */
static int commit_directory(struct layout_writer *writer, const char *tag, const char *media_type,
                            const struct descriptor *manifest, struct error *err)
{
        _cleanup_buffer_ struct buffer old = {0}, index = {0};
        _cleanup_free_ char *lock_path = NULL, *index_path = NULL;
        _cleanup_close_ int lock = -1;
        int ret;

        if (asprintf(&lock_path, "%s/.lock", writer->path) < 0)
                return error_oom(err);
        if (asprintf(&index_path, "%s/%s", writer->path, INDEX_FILE) < 0)
                return error_oom(err);
        lock = open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (lock < 0)
                return error_errno(err, errno, "cannot open `%s`", lock_path);
        while (flock(lock, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_errno(err, errno, "cannot lock `%s`", lock_path);
        if (access(index_path, F_OK) == 0) {
                ret = file_read(AT_FDCWD, index_path, JSON_LIMIT, &old, err);
                if (ret < 0)
                        return ret;
        }
        ret = layout_index_add(buffer_slice(&old), tag, media_type, manifest, &index, err);
        if (ret == 0)
                ret = write_file(writer->path, LAYOUT_FILE, SLICE_TEXT(LAYOUT_TEXT), err);
        if (ret == 0)
                ret = write_file(writer->path, INDEX_FILE, buffer_slice(&index), err);
        return ret;
}

static int commit_archive(struct layout_writer *writer, const char *tag, const char *media_type,
                          const struct descriptor *manifest, struct error *err)
{
        static const uint8_t zeros[2 * TAR_BLOCK];
        _cleanup_buffer_ struct buffer index = {0};
        int ret = layout_index_add((struct slice){NULL, 0}, tag, media_type, manifest, &index, err);

        if (ret == 0)
                ret = add_entry(writer, INDEX_FILE, buffer_slice(&index), err);
        if (ret == 0)
                ret = add_entry(writer, LAYOUT_FILE, SLICE_TEXT(LAYOUT_TEXT), err);
        if (ret == 0)
                ret = write_at(writer, file_writer_fd(writer->file), zeros, sizeof(zeros), writer->end, err);
        return ret < 0 ? ret : file_writer_commit(writer->file, err);
}

int layout_writer_commit(struct layout_writer *writer, const char *tag, const char *media_type,
                         const struct descriptor *manifest, struct error *err)
{
        if (writer->transport == IMAGE_OCI)
                return commit_directory(writer, tag, media_type, manifest, err);
        return commit_archive(writer, tag, media_type, manifest, err);
}
