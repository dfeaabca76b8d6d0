/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/entries.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "archive/tar.h"
#include "base/file.h"

#define BLOCK_SIZE  (512 * KIB)
#define XATTRS_MOST 64

struct entries {
        struct archive_writer *writer;
        uint64_t size;
        struct tar_entry entry; /* of the file at hand; large, therefore not on the stack */
        void *links;            /* tree (tsearch) of struct link */
        uint8_t block[BLOCK_SIZE];
};

/* A file with several names, and the one under which it was written. */
struct link {
        dev_t device;
        ino_t inode;
        char name[];
};

static int link_compare(const void *a, const void *b)
{
        const struct link *x = a, *y = b;

        if (x->inode != y->inode)
                return x->inode < y->inode ? -1 : 1;
        return x->device == y->device ? 0 : x->device < y->device ? -1 : 1;
}

int entries_open(struct archive_writer *writer, const char *member, struct entries **out, struct error *err)
{
        _cleanup_entries_ struct entries *entries = malloc(sizeof(*entries));
        int r;

        if (!entries)
                return error_oom(err);
        entries->writer = writer;
        entries->size = 0;
        entries->links = NULL;
        r = archive_writer_begin(writer, member, 0600, err);
        if (r < 0)
                return r;
        *out = steal_ptr(entries);
        return 0;
}

void entries_free(struct entries *entries)
{
        tdestroy(entries->links, free);
        free(entries);
}

uint64_t entries_size(const struct entries *entries)
{
        return entries->size;
}

static int append(struct entries *entries, const void *data, size_t size, struct error *err)
{
        entries->size += size;
        return archive_writer_append(entries->writer, data, size, err);
}

/* The name under which the file is in the tar already, NULL when it is not: then it is noted as `name`. */
static int link_find(struct entries *entries, const struct stat *status, const char *name, const char **first,
                     struct error *err)
{
        _cleanup_free_ struct link *link = NULL;
        struct link **found;

        *first = NULL;
        if (status->st_nlink < 2 || S_ISDIR(status->st_mode))
                return 0;
        link = malloc(sizeof(*link) + strlen(name) + 1);
        if (!link)
                return error_oom(err);
        link->device = status->st_dev;
        link->inode = status->st_ino;
        strcpy(link->name, name);
        found = tsearch(link, &entries->links, link_compare);
        if (!found)
                return error_oom(err);
        if (*found == link)
                (void)steal_ptr(link);
        else
                *first = (*found)->name;
        return 0;
}

struct xattrs {
        struct tar_xattr items[XATTRS_MOST];
        size_t count;
        struct buffer names, values;
};

static void xattrs_free(struct xattrs *xattrs)
{
        buffer_free(&xattrs->names);
        buffer_free(&xattrs->values);
}

static bool xattr_wanted(const char *name)
{
        return text_starts_with(name, "user.") || strcmp(name, "security.capability") == 0 ||
               text_starts_with(name, "system.posix_acl_");
}

/* A file system without attributes has none. */
static int xattrs_read(int fd, struct xattrs *out)
{
        ssize_t length = flistxattr(fd, NULL, 0);
        size_t offsets[XATTRS_MOST];

        if (length <= 0)
                return 0;
        if (buffer_reserve(&out->names, (size_t)length) < 0)
                return -ENOMEM;
        length = flistxattr(fd, (char *)out->names.data, (size_t)length);
        if (length < 0)
                return -errno;
        for (const char *name = (const char *)out->names.data, *end = name + length; name < end;
             name += strlen(name) + 1) {
                ssize_t size = xattr_wanted(name) ? fgetxattr(fd, name, NULL, 0) : -1;

                if (size < 0)
                        continue;
                if (out->count == XATTRS_MOST)
                        return -E2BIG;
                if (buffer_reserve(&out->values, (size_t)size + 1) < 0)
                        return -ENOMEM;
                size = fgetxattr(fd, name, out->values.data + out->values.size, (size_t)size);
                if (size < 0)
                        return -errno;
                offsets[out->count] = out->values.size;
                out->items[out->count++] = (struct tar_xattr){name, {NULL, (size_t)size}};
                out->values.size += (size_t)size;
        }
        for (size_t i = 0; i < out->count; i++)
                out->items[i].value.data = out->values.data + offsets[i];
        return 0;
}

static int write_header(struct entries *entries, const struct xattrs *xattrs, struct error *err)
{
        _cleanup_buffer_ struct buffer blocks = {0};
        int r = tar_header_append(&entries->entry, xattrs ? xattrs->items : NULL, xattrs ? xattrs->count : 0,
                                  &blocks);

        if (r < 0)
                return error_errno(err, -r, "make a tar header for `%s`", entries->entry.name);
        return append(entries, blocks.data, blocks.size, err);
}

/* Exactly as much as the header says: the container is frozen, but its host can still write. */
static int write_contents(struct entries *entries, int fd, struct error *err)
{
        uint64_t left = entries->entry.size;

        while (left) {
                size_t want = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
                ssize_t n = file_read_full(fd, entries->block, want);
                size_t padded = want;
                int r;

                if (n < 0)
                        return error_errno(err, (int)-n, "read `%s`", entries->entry.name);
                if ((size_t)n != want)
                        return error_set(
                                err, &ERROR_IO, -EIO,
                                "`%s` became shorter while it was read, although its container is frozen",
                                entries->entry.name);
                left -= want;
                if (left == 0) {
                        padded = tar_padded(want);
                        memset(entries->block + want, 0, padded - want);
                }
                r = append(entries, entries->block, padded, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_file(struct entries *entries, int dir, const char *leaf, struct error *err)
{
        _cleanup_(xattrs_free) struct xattrs xattrs = {0};
        _cleanup_close_ int fd = openat(dir, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status;
        int r;

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_errno(err, errno, "open `%s`", entries->entry.name);
        entries->entry.size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
        r = xattrs_read(fd, &xattrs);
        if (r < 0)
                return error_errno(err, -r, "read the attributes of `%s`", entries->entry.name);
        r = write_header(entries, &xattrs, err);
        return r < 0 ? r : write_contents(entries, fd, err);
}

static int write_symlink(struct entries *entries, int dir, const char *leaf, struct error *err)
{
        ssize_t length = readlinkat(dir, leaf, entries->entry.link, sizeof(entries->entry.link) - 1);

        if (length < 0)
                return error_errno(err, errno, "read the link `%s`", entries->entry.name);
        entries->entry.link[length] = '\0';
        return write_header(entries, NULL, err);
}

static enum tar_type type_of(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return TAR_DIRECTORY;
        case S_IFLNK:
                return TAR_SYMLINK;
        case S_IFCHR:
                return TAR_CHARACTER;
        case S_IFBLK:
                return TAR_BLOCK_DEVICE;
        case S_IFIFO:
                return TAR_FIFO;
        default:
                return TAR_FILE;
        }
}

/* Sets all but size and link. */
static int entry_begin(struct entries *entries, const char *name, const struct stat *status,
                       struct error *err)
{
        struct tar_entry *entry = &entries->entry;
        int n = snprintf(entry->name, sizeof(entry->name), "%s%s", name, S_ISDIR(status->st_mode) ? "/" : "");

        if (n < 0 || (size_t)n >= sizeof(entry->name))
                return error_errno(err, ENAMETOOLONG, "`%.100s…`", name);
        entry->link[0] = '\0';
        entry->type = type_of(status->st_mode);
        entry->mode = status->st_mode & 07777;
        entry->uid = status->st_uid;
        entry->gid = status->st_gid;
        /* Zero for what is no device. */
        entry->device_major = major(status->st_rdev);
        entry->device_minor = minor(status->st_rdev);
        entry->size = 0;
        entry->mtime = status->st_mtim.tv_sec;
        return 0;
}

int entries_add(struct entries *entries, int dir, const char *leaf, const char *name,
                const struct stat *status, struct error *err)
{
        const char *first = NULL;
        int r;

        if (S_ISSOCK(status->st_mode))
                return 0;
        r = entry_begin(entries, name, status, err);
        if (r == 0)
                r = link_find(entries, status, name, &first, err);
        if (r < 0)
                return r;
        if (first) {
                entries->entry.type = TAR_HARD_LINK;
                snprintf(entries->entry.link, sizeof(entries->entry.link), "%s", first);
                return write_header(entries, NULL, err);
        }
        if (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode))
                return write_file(entries, dir, leaf, err);
        if (S_ISLNK(status->st_mode))
                return write_symlink(entries, dir, leaf, err);
        return write_header(entries, NULL, err);
}

int entries_add_empty(struct entries *entries, const char *name, struct error *err)
{
        struct stat status = {.st_mode = S_IFREG | 0600};
        int r = entry_begin(entries, name, &status, err);

        return r < 0 ? r : write_header(entries, NULL, err);
}

int entries_end(struct entries *entries, struct error *err)
{
        static const uint8_t end[2 * TAR_BLOCK];
        int r = append(entries, end, sizeof(end), err);

        return r < 0 ? r : archive_writer_end(entries->writer, err);
}
