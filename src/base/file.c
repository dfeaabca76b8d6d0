/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

/* Deeper trees are not walked: no real container has them, and the walk recurses. */
#define TREE_DEPTH_LIMIT 256

ssize_t file_read_full(int fd, void *data, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (uint8_t *)data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

ssize_t file_pread_full(int fd, void *data, size_t size, uint64_t offset)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, (uint8_t *)data + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int file_write_full(int fd, const void *data, size_t size)
{
        const uint8_t *bytes = data;

        while (size) {
                ssize_t n = write(fd, bytes, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes += n;
                size -= (size_t)n;
        }
        return 0;
}

int file_pwrite_full(int fd, const void *data, size_t size, uint64_t offset)
{
        const uint8_t *bytes = data;

        while (size) {
                ssize_t n = pwrite(fd, bytes, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

int file_read(int dir, const char *path, uint64_t limit, struct buffer *out, struct error *err)
{
        _cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return error_errno(err, errno, "open `%s`", path);
        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "stat `%s`", path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is not a regular file", path);
        /* Files of /proc and /sys say 0: read until the end, whatever the size says. */
        for (size_t start = out->size;;) {
                size_t want =
                        st.st_size > 0 && (uint64_t)st.st_size < limit ? (size_t)st.st_size + 1 : 64 * KIB;
                ssize_t n;

                if (buffer_reserve(out, want) < 0)
                        return error_oom(err);
                n = file_read_full(fd, out->data + out->size, want);
                if (n < 0)
                        return error_errno(err, (int)-n, "read `%s`", path);
                out->size += (size_t)n;
                out->data[out->size] = '\0';
                if (out->size - start > limit)
                        return error_set(err, &ERROR_BAD_INPUT, -EFBIG,
                                         "`%s` is larger than the %llu bytes allowed", path,
                                         (unsigned long long)limit);
                if ((size_t)n < want)
                        return 0;
        }
}

int file_open_beneath(int dir, const char *name, int flags, mode_t mode)
{
        struct open_how how = {
                .flags = (uint64_t)(flags | O_CLOEXEC),
                .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

int file_mkdir_beneath(int dir, const char *name, struct error *err)
{
        _cleanup_close_ int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
        const char *part = name;

        if (!file_name_is_safe(name))
                return error_set(err, &ERROR_UNSAFE_NAME, -EXDEV, "`%s` leads out of its directory", name);
        while (*part) {
                char component[256];
                size_t size = strcspn(part, "/");
                int next;

                if (size >= sizeof(component))
                        return error_errno(err, ENAMETOOLONG, "make directory `%s`", name);
                memcpy(component, part, size);
                component[size] = '\0';
                if (mkdirat(at, component, 0700) < 0 && errno != EEXIST)
                        return error_errno(err, errno, "make directory `%s`", name);
                next = openat(at, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return error_errno(err, errno, "open directory `%s`", name);
                close(at);
                at = next;
                part += size + (part[size] == '/');
        }
        return 0;
}

bool file_name_is_safe(const char *name)
{
        if (text_starts_with(name, "./"))
                name += 2;
        if (!*name || *name == '/')
                return false;
        while (*name) {
                size_t size = strcspn(name, "/");

                if (size == 0 || (size == 1 && name[0] == '.') ||
                    (size == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                name += size;
                if (*name == '/')
                        name++;
        }
        return true;
}

int file_mkdir_all(const char *path, mode_t mode, struct error *err)
{
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return error_oom(err);
        for (char *end = copy + 1;; end++) {
                char kept = *end;

                if (kept != '/' && kept != '\0')
                        continue;
                *end = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return error_errno(err, errno, "make directory `%s`", copy);
                *end = kept;
                if (!kept)
                        return 0;
        }
}

static int remove_entries(int dir, dev_t device, unsigned depth);

static int remove_entry(int parent, const char *name, dev_t device, unsigned depth)
{
        _cleanup_close_ int dir = -1;
        struct stat st;

        if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 || fstat(dir, &st) < 0)
                return -errno;
        if (st.st_dev == device && depth < TREE_DEPTH_LIMIT) {
                int r = remove_entries(dir, device, depth + 1);

                if (r < 0)
                        return r;
        }
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int remove_entries(int dir, dev_t device, unsigned depth)
{
        int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
        _cleanup_closedir_ DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!stream) {
                if (fd >= 0)
                        close(fd);
                return -errno;
        }
        rewinddir(stream);
        while ((entry = readdir(stream))) {
                int r;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = remove_entry(dir, entry->d_name, device, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

int file_remove_tree(int dir, const char *name, struct error *err)
{
        struct stat st;
        int r;

        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_errno(err, errno, "stat `%s`", name);
        r = remove_entry(dir, name, st.st_dev, 0);
        return r < 0 ? error_errno(err, -r, "remove `%s`", name) : 0;
}

int file_free_space(const char *path, uint64_t *out, struct error *err)
{
        _cleanup_free_ char *copy = strdup(path);
        struct statvfs fs;

        if (!copy)
                return error_oom(err);
        while (statvfs(copy, &fs) < 0) {
                char *slash = strrchr(copy, '/');

                if (errno != ENOENT && errno != ENOTDIR)
                        return error_errno(err, errno, "ask for the free space of `%s`", path);
                if (!slash)
                        strcpy(copy, ".");
                else if (slash == copy)
                        copy[1] = '\0';
                else
                        *slash = '\0';
        }
        *out = (uint64_t)fs.f_bfree * fs.f_frsize;
        return 0;
}
