/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include "archive/internal.h"
#include "base/file.h"

#define NAME_SIZE 256

/* Attributes that belong to the file. Others (overlayfs', SELinux') belong to the host it came from. */
static bool attribute_is_wanted(const char *name)
{
        return text_starts_with(name, "user.") || strcmp(name, "security.capability") == 0 ||
               strcmp(name, "system.posix_acl_access") == 0 || strcmp(name, "system.posix_acl_default") == 0;
}

static int attributes_set(int fd, struct slice records, const char *path, struct error *err)
{
        const size_t prefix = strlen(TAR_PAX_XATTR);
        struct slice key, value;
        int r;

        while ((r = tar_pax_next(&records, &key, &value, err)) > 0) {
                char name[NAME_SIZE];

                if (key.size <= prefix || key.size - prefix >= sizeof(name) ||
                    memcmp(key.data, TAR_PAX_XATTR, prefix) != 0)
                        continue;
                memcpy(name, key.data + prefix, key.size - prefix);
                name[key.size - prefix] = '\0';
                /* A file system that has none of the kind cannot be given one. */
                if (attribute_is_wanted(name) && fsetxattr(fd, name, value.data, value.size, 0) < 0 &&
                    errno != EOPNOTSUPP)
                        return error_errno(err, errno, "set attribute `%s` of `%s`", name, path);
        }
        return r;
}

/* Of a file or directory. In this order: a change of owner takes set-uid bits and capabilities away, and all
 * before changes times. */
static int properties_set(int fd, const char *path, struct tar_walk *walk, struct error *err)
{
        const struct tar_entry *entry = &walk->entry;
        const struct timespec times[2] = {{.tv_sec = entry->mtime}, {.tv_sec = entry->mtime}};
        int r;

        if (fchown(fd, entry->uid, entry->gid) < 0)
                return error_errno(err, errno, "set the owner of `%s`", path);
        if (fchmod(fd, entry->mode) < 0)
                return error_errno(err, errno, "set the mode of `%s`", path);
        r = attributes_set(fd, buffer_slice(&walk->records), path, err);
        if (r < 0)
                return r;
        return futimens(fd, times) < 0 ? error_errno(err, errno, "set the time of `%s`", path) : 0;
}

/* Of what cannot be opened: a link, a fifo. */
static int properties_set_at(int parent, const char *base, const char *path, const struct tar_entry *entry,
                             struct error *err)
{
        const struct timespec times[2] = {{.tv_sec = entry->mtime}, {.tv_sec = entry->mtime}};

        if (fchownat(parent, base, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, errno, "set the owner of `%s`", path);
        if (entry->type == TAR_FIFO && fchmodat(parent, base, entry->mode, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, errno, "set the mode of `%s`", path);
        if (utimensat(parent, base, times, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(err, errno, "set the time of `%s`", path);
        return 0;
}

/* The next component of `*path`, cut off its front. False when it is too long for any file system. */
static bool component_take(const char **path, char out[NAME_SIZE])
{
        size_t size = strcspn(*path, "/");

        if (size >= NAME_SIZE)
                return false;
        memcpy(out, *path, size);
        out[size] = '\0';
        *path += size + ((*path)[size] == '/');
        return true;
}

/* `path` down to `end`, made where it is missing. Returns a descriptor or a negative errno. */
static int parents_make(int root, const char *path, const char *end)
{
        _cleanup_close_ int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

        while (path < end) {
                char name[NAME_SIZE];
                int next;

                if (!component_take(&path, name))
                        return -ENAMETOOLONG;
                if (mkdirat(at, name, 0755) == 0) {
                        if (fchmodat(at, name, 0755, AT_SYMLINK_NOFOLLOW) < 0) /* whatever our umask is */
                                return -errno;
                } else if (errno != EEXIST)
                        return -errno;
                next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                close(at);
                at = next;
        }
        return steal_fd(&at);
}

int tree_open_parent(int root, const char *path, bool make, const char **base, struct error *err)
{
        const char *slash = strrchr(path, '/');
        int fd;

        *base = slash ? slash + 1 : path;
        if (!slash)
                fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
        else if (make)
                fd = parents_make(root, path, slash);
        else {
                _cleanup_free_ char *parent = strndup(path, (size_t)(slash - path));

                fd = parent ? file_open_beneath(root, parent, O_PATH | O_DIRECTORY, 0) : -ENOMEM;
        }
        return fd < 0 ? error_errno(err, -fd, "open the directory of `%s`", path) : fd;
}

static int contents_copy(struct tar_walk *walk, int fd, const char *path, struct error *err)
{
        uint8_t data[64 * KIB];
        ssize_t n;

        while ((n = tar_walk_read(walk, data, sizeof(data), err)) > 0) {
                int r = file_write_full(fd, data, (size_t)n);

                if (r < 0)
                        return error_errno(err, -r, "write `%s`", path);
        }
        return (int)n;
}

static int file_make(int parent, const char *base, const char *path, struct tar_walk *walk, struct error *err)
{
        _cleanup_close_ int fd =
                openat(parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return error_errno(err, errno, "create `%s`", path);
        r = contents_copy(walk, fd, path, err);
        return r < 0 ? r : properties_set(fd, path, walk, err);
}

static int directory_make(int parent, const char *base, const char *path, struct tar_walk *walk,
                          struct error *err)
{
        _cleanup_close_ int fd = -1;

        if (mkdirat(parent, base, 0700) < 0 && errno != EEXIST)
                return error_errno(err, errno, "make directory `%s`", path);
        fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_errno(err, errno, "open directory `%s`", path);
        return properties_set(fd, path, walk, err);
}

/* To a file beneath the root only, and not through a link: a link itself may be linked to. */
static int hard_link_make(int root, int parent, const char *base, const char *path,
                          const struct tar_entry *entry, struct error *err)
{
        _cleanup_close_ int target_parent = -1;
        _cleanup_free_ char *target = NULL;
        const char *name, *target_base;
        size_t size;

        name = archive_name_normal(entry->link, &size);
        target = strndup(name, size);
        if (!target)
                return error_oom(err);
        if (!file_name_is_safe(target))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG, "`%s` links to `%s`, outside its tree",
                                 path, entry->link);
        target_parent = tree_open_parent(root, target, false, &target_base, err);
        if (target_parent < 0)
                return target_parent;
        if (linkat(target_parent, target_base, parent, base, 0) < 0)
                return error_errno(err, errno, "link `%s` to `%s`", path, target);
        return 0;
}

/* Makes room for the entry. */
static int place_clear(int parent, const char *base, const struct tar_entry *entry, struct error *err)
{
        struct stat st;

        if (entry->type == TAR_DIRECTORY && fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
                return 0;
        return file_remove_tree(parent, base, err);
}

int tree_make_entry(int root, const char *path, struct tar_walk *walk, struct error *err)
{
        const struct tar_entry *entry = &walk->entry;
        _cleanup_close_ int parent = -1;
        const char *base;
        int r;

        if (!*path)
                return directory_make(root, ".", "/", walk, err);
        parent = tree_open_parent(root, path, true, &base, err);
        if (parent < 0)
                return parent;
        r = place_clear(parent, base, entry, err);
        if (r < 0)
                return r;
        switch (entry->type) {
        case TAR_FILE:
                return file_make(parent, base, path, walk, err);
        case TAR_DIRECTORY:
                return directory_make(parent, base, path, walk, err);
        case TAR_HARD_LINK:
                return hard_link_make(root, parent, base, path, entry, err);
        case TAR_SYMLINK:
                r = symlinkat(entry->link, parent, base);
                break;
        case TAR_FIFO:
                r = mkfifoat(parent, base, 0600);
                break;
        default:
                return error_set(err, &ERROR_UNSUPPORTED, -EOPNOTSUPP,
                                 "`%s` is a device or of an unknown kind ('%c'), which is not unpacked", path,
                                 entry->type >= ' ' && entry->type <= '~' ? (char)entry->type : '?');
        }
        if (r < 0)
                return error_errno(err, errno, "create `%s`", path);
        return properties_set_at(parent, base, path, entry, err);
}

/* Whether what `r` says of a parent directory means that there is nothing to remove. */
static bool is_absent(int r)
{
        return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

int tree_remove(int root, const char *path, struct error *err)
{
        const char *base;
        _cleanup_close_ int parent = tree_open_parent(root, path, false, &base, err);

        if (parent < 0)
                return is_absent(parent) ? 0 : parent;
        return file_remove_tree(parent, base, err);
}

int tree_empty(int root, const char *path, struct error *err)
{
        int fd = file_open_beneath(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);
        _cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;
        int r = 0;

        if (fd < 0)
                return is_absent(fd) ? 0 : error_errno(err, -fd, "open `%s`", path);
        if (!dir) {
                close(fd);
                return error_oom(err);
        }
        while (r == 0 && (entry = readdir(dir)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = file_remove_tree(fd, entry->d_name, err);
        return r;
}
