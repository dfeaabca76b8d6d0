/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include "archive/tar.h"
#include "base/file.h"
#include "base/json.h"
#include "oci/layout_index.h"

/* Entries of an archive of a layout: an image has some ten blobs. */
#define ENTRIES_MAX 10000

/* A file of the layout in its archive. */
struct entry {
        char *name;
        uint64_t offset, size;
};

struct layout_reader {
        enum image_transport transport;
        char *path;
        int fd;                /* the directory or the archive */
        struct entry *entries; /* of the archive */
        size_t count;
        int blob; /* the blob of a directory that was located last */
};

static int bad_archive(const struct layout_reader *reader, const char *reason, struct error *err)
{
        return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "`%s`: %s", reader->path, reason);
}

static int add_entry(struct layout_reader *reader, const struct tar_entry *from, uint64_t offset,
                     struct error *err)
{
        struct entry *entries;

        if (reader->count == ENTRIES_MAX)
                return bad_archive(reader, "it has too many files", err);
        entries = reallocarray(reader->entries, reader->count + 1, sizeof(*entries));
        if (!entries)
                return error_oom(err);
        reader->entries = entries;
        entries[reader->count] =
                (struct entry){.name = strdup(from->name + (text_starts_with(from->name, "./") ? 2 : 0)),
                               .offset = offset,
                               .size = from->size};
        return entries[reader->count++].name ? 0 : error_oom(err);
}

/* Names in a layout are short: no extension headers are needed, and none are understood. */
static int scan_archive(struct layout_reader *reader, struct error *err)
{
        _cleanup_free_ struct tar_entry *entry = malloc(sizeof(*entry));
        uint64_t offset = 0;
        uint8_t block[TAR_BLOCK];
        int ret;

        if (!entry)
                return error_oom(err);
        for (;;) {
                ssize_t n = file_pread_full(reader->fd, block, sizeof(block), offset);

                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read `%s`", reader->path);
                if ((size_t)n < sizeof(block))
                        return bad_archive(reader, "it is cut short", err);
                ret = tar_header_parse(block, entry, NULL);
                if (ret < 0)
                        return bad_archive(reader, "it is not a tar archive", err);
                if (ret == 0)
                        return 0;
                offset += TAR_BLOCK;
                if (entry->type == TAR_FILE && (ret = add_entry(reader, entry, offset, err)) < 0)
                        return ret;
                offset += tar_padded(entry->size);
                if (offset > INT64_MAX)
                        return bad_archive(reader, "it is cut short", err);
        }
}

int layout_reader_open(const struct image_reference *from, struct layout_reader **out, struct error *err)
{
        _cleanup_layout_reader_ struct layout_reader *reader = calloc(1, sizeof(*reader));
        int flags = from->transport == IMAGE_OCI ? O_DIRECTORY : O_NONBLOCK;
        int ret = 0;

        if (!reader)
                return error_oom(err);
        reader->fd = reader->blob = -1;
        reader->transport = from->transport;
        reader->path = strdup(from->path);
        if (!reader->path)
                return error_oom(err);
        reader->fd = open(from->path, O_RDONLY | O_CLOEXEC | flags);
        if (reader->fd < 0)
                return error_errno(err, errno, "cannot open `%s`", from->path);
        if (from->transport == IMAGE_OCI_ARCHIVE)
                ret = scan_archive(reader, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(reader);
        return 0;
}

void layout_reader_free(struct layout_reader *reader)
{
        if (!reader)
                return;
        for (size_t i = 0; i < reader->count; i++)
                free(reader->entries[i].name);
        free(reader->entries);
        if (reader->blob >= 0)
                close(reader->blob);
        if (reader->fd >= 0)
                close(reader->fd);
        free(reader->path);
        free(reader);
}

static int absent(const struct layout_reader *reader, const char *name, struct error *err)
{
        return error_set(err, &ERROR_IMAGE_LAYOUT, -ENOENT, "`%s` has no file `%s`", reader->path, name);
}

static int locate_in_archive(struct layout_reader *reader, const char *name, int *fd, uint64_t *offset,
                             uint64_t *size, struct error *err)
{
        struct stat st;

        if (fstat(reader->fd, &st) < 0)
                return error_errno(err, errno, "cannot read `%s`", reader->path);
        for (size_t i = 0; i < reader->count; i++) {
                const struct entry *entry = &reader->entries[i];

                if (strcmp(entry->name, name) != 0)
                        continue;
                if (entry->size > (uint64_t)st.st_size - entry->offset)
                        return bad_archive(reader, "it is cut short", err);
                *fd = reader->fd;
                *offset = entry->offset;
                *size = entry->size;
                return 0;
        }
        return absent(reader, name, err);
}

static int locate(struct layout_reader *reader, const char *name, int *fd, uint64_t *offset, uint64_t *size,
                  struct error *err)
{
        struct stat st;
        int opened;

        if (reader->transport == IMAGE_OCI_ARCHIVE)
                return locate_in_archive(reader, name, fd, offset, size, err);
        opened = file_open_beneath(reader->fd, name, O_RDONLY | O_NONBLOCK, 0);
        if (opened == -ENOENT)
                return absent(reader, name, err);
        if (opened < 0)
                return error_errno(err, -opened, "cannot open `%s/%s`", reader->path, name);
        if (reader->blob >= 0)
                close(reader->blob);
        reader->blob = opened;
        if (fstat(opened, &st) < 0 || !S_ISREG(st.st_mode))
                return bad_archive(reader, "there is something in it that is not a file", err);
        *fd = opened;
        *offset = 0;
        *size = (uint64_t)st.st_size;
        return 0;
}

static int read_named(struct layout_reader *reader, const char *name, uint64_t limit, struct buffer *out,
                      struct error *err)
{
        uint64_t offset, size;
        ssize_t n;
        int fd, ret = locate(reader, name, &fd, &offset, &size, err);

        if (ret < 0)
                return ret;
        if (size > limit)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EFBIG, "`%s`: `%s` is absurdly large",
                                 reader->path, name);
        if (buffer_reserve(out, (size_t)size + 1) < 0)
                return error_oom(err);
        n = file_pread_full(fd, out->data, (size_t)size, offset);
        if (n < 0)
                return error_errno(err, (int)-n, "cannot read `%s/%s`", reader->path, name);
        out->size = (size_t)n;
        out->data[n] = '\0';
        return (uint64_t)n == size ? 0 : bad_archive(reader, "it changed while it was read", err);
}

int layout_reader_find(struct layout_reader *reader, const char *tag, struct descriptor *out, bool *is_index,
                       struct error *err)
{
        _cleanup_buffer_ struct buffer layout = {0}, index = {0};
        int ret = read_named(reader, LAYOUT_FILE, JSON_LIMIT, &layout, err);

        if (ret == 0)
                ret = read_named(reader, INDEX_FILE, JSON_LIMIT, &index, err);
        return ret < 0 ? ret : layout_index_find(buffer_slice(&index), reader->path, tag, out, is_index, err);
}

int layout_reader_locate(struct layout_reader *reader, const struct descriptor *blob, int *fd,
                         uint64_t *offset, struct error *err)
{
        char hex[SHA256_HEX_SIZE], name[sizeof("blobs/sha256/") + SHA256_HEX_SIZE];
        uint64_t size;
        int ret;

        snprintf(name, sizeof(name), "blobs/sha256/%s", sha256_hex(&blob->digest, hex));
        ret = locate(reader, name, fd, offset, &size, err);
        if (ret < 0)
                return ret;
        if (size != blob->size)
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                                 "`%s`: blob %s has %llu bytes, but %llu are expected", reader->path, hex,
                                 (unsigned long long)size, (unsigned long long)blob->size);
        return 0;
}

int layout_reader_blob(struct layout_reader *reader, const struct descriptor *blob, uint64_t limit,
                       struct buffer *out, struct error *err)
{
        char hex[SHA256_HEX_SIZE], name[sizeof("blobs/sha256/") + SHA256_HEX_SIZE];
        struct sha256 digest;
        uint64_t offset;
        int fd, ret = layout_reader_locate(reader, blob, &fd, &offset, err);

        if (ret < 0)
                return ret;
        snprintf(name, sizeof(name), "blobs/sha256/%s", sha256_hex(&blob->digest, hex));
        ret = read_named(reader, name, limit, out, err);
        if (ret < 0)
                return ret;
        ret = sha256_of(buffer_slice(out), &digest, err);
        if (ret < 0)
                return ret;
        if (!sha256_equal(&digest, &blob->digest))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG, "`%s`: blob %s differs from its digest",
                                 reader->path, hex);
        return 0;
}
