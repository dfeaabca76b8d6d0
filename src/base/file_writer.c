/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/clock.h"

struct file_writer {
        int fd, dir;
        bool replace, committed;
        char *path, *temp_path;
        const char *name, *temp_name; /* last components of the two */
};

static const char *last_component(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int writer_name(struct file_writer *writer, const char *path, struct error *err)
{
        char id[UNIQUE_ID_SIZE];

        writer->path = strdup(path);
        if (!writer->path)
                return error_oom(err);
        writer->name = last_component(writer->path);
        if (!*writer->name)
                return error_set(err, &ERROR_USAGE, -EISDIR, "`%s` names a directory, not a file", path);
        if (asprintf(&writer->temp_path, "%.*s.%.200s.%s.tmp", (int)(writer->name - writer->path),
                     writer->path, writer->name, unique_id(id)) < 0) {
                writer->temp_path = NULL;
                return error_oom(err);
        }
        writer->temp_name = last_component(writer->temp_path);
        return 0;
}

int file_writer_new(const char *path, bool replace, struct file_writer **out, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = calloc(1, sizeof(*writer));
        _cleanup_free_ char *directory = NULL;
        int r;

        if (!writer)
                return error_oom(err);
        writer->fd = writer->dir = -1;
        writer->replace = replace;
        r = writer_name(writer, path, err);
        if (r < 0)
                return r;
        directory = writer->name == writer->path ? strdup(".")
                                                 : strndup(path, (size_t)(writer->name - writer->path));
        if (!directory)
                return error_oom(err);
        writer->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (writer->dir < 0)
                return error_errno(err, errno, "open directory `%s`", directory);
        /* Said early, so that nobody works for an hour in vain; the rename at the end decides. */
        if (!replace && faccessat(writer->dir, writer->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return error_set(err, &ERROR_EXISTS, -EEXIST, "`%s` exists already", path);
        *out = steal_ptr(writer);
        return 0;
}

int file_writer_create(struct file_writer *writer, struct error *err)
{
        writer->fd = openat(writer->dir, writer->temp_name,
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return writer->fd < 0 ? error_errno(err, errno, "create `%s`", writer->temp_path) : 0;
}

int file_writer_open(const char *path, bool replace, struct file_writer **out, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int r = file_writer_new(path, replace, &writer, err);

        if (r == 0)
                r = file_writer_create(writer, err);
        if (r == 0)
                *out = steal_ptr(writer);
        return r;
}

int file_writer_fd(const struct file_writer *writer)
{
        return writer->fd;
}

const char *file_writer_temp_path(const struct file_writer *writer)
{
        return writer->temp_path;
}

int file_writer_set_name(struct file_writer *writer, const char *name, struct error *err)
{
        char *path;

        if (asprintf(&path, "%.*s%s", (int)(writer->name - writer->path), writer->path, name) < 0)
                return error_oom(err);
        free(writer->path);
        writer->path = path;
        writer->name = last_component(path);
        return 0;
}

int file_writer_commit(struct file_writer *writer, struct error *err)
{
        unsigned flags = writer->replace ? 0 : RENAME_NOREPLACE;

        if (fsync(writer->fd) < 0)
                return error_errno(err, errno, "write `%s` to disk", writer->temp_path);
        if (renameat2(writer->dir, writer->temp_name, writer->dir, writer->name, flags) < 0)
                return error_errno(err, errno, "rename to `%s`", writer->path);
        writer->committed = true;
        if (fsync(writer->dir) < 0)
                return error_errno(err, errno, "write the directory of `%s` to disk", writer->path);
        return 0;
}

void file_writer_free(struct file_writer *writer)
{
        if (!writer)
                return;
        if (writer->fd >= 0) {
                if (!writer->committed)
                        unlinkat(writer->dir, writer->temp_name, 0);
                close(writer->fd);
        }
        if (writer->dir >= 0)
                close(writer->dir);
        free(writer->path);
        free(writer->temp_path);
        free(writer);
}

int file_install(const char *from, const char *path, bool replace, struct error *err)
{
        _cleanup_close_ int fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), dir = -1;
        size_t parent = (size_t)(last_component(path) - path);
        _cleanup_free_ char *directory = parent ? strndup(path, parent) : strdup(".");

        if (!directory)
                return error_oom(err);
        if (fd < 0)
                return error_errno(err, errno, "open `%s`", from);
        dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return error_errno(err, errno, "open the directory of `%s`", path);
        if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
                return error_errno(err, errno, "write `%s` to disk", from);
        if (renameat2(AT_FDCWD, from, dir, last_component(path), replace ? 0 : RENAME_NOREPLACE) < 0)
                return error_errno(err, errno, "rename to `%s`", path);
        return fsync(dir) < 0 ? error_errno(err, errno, "write the directory of `%s` to disk", path) : 0;
}
