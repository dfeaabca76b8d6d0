/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include "base/file.h"

#define LOG_TAIL MIB /* of a log that is read back for an error; its end has the reason */

int workspace_name(const char *archive_path, const char *id, struct workspace *out, struct error *err)
{
        _cleanup_free_ char *parent = NULL, *real = NULL;
        const char *slash = strrchr(archive_path, '/');
        const char *name = slash ? slash + 1 : archive_path;

        *out = WORKSPACE_NONE;
        parent = slash ? strndup(archive_path, (size_t)(slash - archive_path) + 1) : strdup(".");
        if (!parent)
                return error_oom(err);
        real = realpath(parent, NULL);
        if (!real)
                return error_errno(err, errno, "find the directory of `%s`", archive_path);
        if (asprintf(&out->path, "%s/.%.200s.work.%s", strcmp(real, "/") == 0 ? "" : real, name, id) < 0) {
                out->path = NULL;
                return error_oom(err);
        }
        return 0;
}

static int config_write(const struct workspace *workspace, const struct checkpoint_options *options,
                        const char *more, struct error *err)
{
        _cleanup_close_ int fd = open(workspace->config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        _cleanup_buffer_ struct buffer text = {0};
        int r;

        if (fd < 0)
                return error_errno(err, errno, "make `%s`", workspace->config);
        r = buffer_append_text(&text, more);
        if (r == 0 && options->ghost_limit)
                r = buffer_printf(&text, "ghost-limit %llu\n", (unsigned long long)options->ghost_limit);
        if (r == 0 && options->tcp == TCP_CLOSE)
                r = buffer_append_text(&text, "tcp-close\n");
        /* Connections that nobody has accepted yet stay in the container that goes on; the copy never had
         * them. Without this a busy server could not be dumped at all. */
        if (r == 0 && options->tcp != TCP_REFUSE)
                r = buffer_append_text(&text, "skip-in-flight\n");
        if (r == 0)
                r = file_write_full(fd, text.data, text.size);
        return r < 0 ? error_errno(err, -r, "write `%s`", workspace->config) : 0;
}

static int open_at(int dir, const char *name, int flags, struct error *err)
{
        int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd < 0 ? error_errno(err, errno, "open `%s` in the work directory", name) : fd;
}

int workspace_open(struct workspace *workspace, const struct checkpoint_options *options,
                   const char *more_options, struct error *err)
{
        int r;

        if (asprintf(&workspace->images, "%s/images", workspace->path) < 0) {
                workspace->images = NULL;
                return error_oom(err);
        }
        if (asprintf(&workspace->config, "%s/criu.conf", workspace->path) < 0) {
                workspace->config = NULL;
                return error_oom(err);
        }
        if (mkdir(workspace->path, 0700) < 0 || mkdir(workspace->images, 0700) < 0)
                return error_errno(err, errno, "make the directory `%s`", workspace->images);
        workspace->dir = r = open_at(AT_FDCWD, workspace->path, O_RDONLY | O_DIRECTORY, err);
        if (r >= 0)
                workspace->image_dir = r = open_at(workspace->dir, "images", O_RDONLY | O_DIRECTORY, err);
        if (r >= 0)
                workspace->output = r =
                        open_at(workspace->dir, "runtime.log", O_RDWR | O_CREAT | O_APPEND, err);
        return r < 0 ? r : config_write(workspace, options, more_options, err);
}

void workspace_free(struct workspace *workspace)
{
        int fds[] = {workspace->dir, workspace->image_dir, workspace->output};

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        if (workspace->path)
                (void)file_remove_tree(AT_FDCWD, workspace->path, NULL);
        free(workspace->path);
        free(workspace->images);
        free(workspace->config);
        *workspace = WORKSPACE_NONE;
}

static int add_file(int dir, const char *name, const char *member, uint32_t mode,
                    struct archive_writer *writer, struct error *err)
{
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status;

        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(err, errno, "open CRIU's file `%s`", name);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "CRIU's `%s` is no regular file", name);
        return archive_writer_add_fd(writer, member, mode, fd, err);
}

static int is_image(const struct dirent *item)
{
        return text_ends_with(item->d_name, ".img");
}

int workspace_add_images(const struct workspace *workspace, struct archive_writer *writer, struct error *err)
{
        struct dirent **items = NULL;
        int count = scandirat(workspace->dir, "images", &items, is_image, alphasort), r = 0;

        if (count < 0)
                return error_errno(err, errno, "list CRIU's images");
        for (int i = 0; i < count; i++) {
                char member[NAME_MAX + sizeof("checkpoint/")];

                snprintf(member, sizeof(member), "checkpoint/%s", items[i]->d_name);
                if (r == 0)
                        r = add_file(workspace->image_dir, items[i]->d_name, member, 0600, writer, err);
                free(items[i]);
        }
        free(items);
        if (r == 0)
                r = add_file(workspace->image_dir, "descriptors.json", "checkpoint/descriptors.json", 0600,
                             writer, err);
        if (r == 0)
                r = add_file(workspace->dir, "stats-dump", "stats-dump", 0644, writer, err);
        return r < 0 ? r : add_file(workspace->dir, "dump.log", "dump.log", 0600, writer, err);
}

static int read_tail(int dir, const char *name, struct buffer *out, struct error *err)
{
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status;
        uint64_t size;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
                return 0;
        size = (uint64_t)status.st_size < LOG_TAIL ? (uint64_t)status.st_size : LOG_TAIL;
        if (buffer_reserve(out, size) < 0)
                return error_oom(err);
        n = file_pread_full(fd, out->data, size, (uint64_t)status.st_size - size);
        if (n < 0)
                return error_errno(err, (int)-n, "read `%s`", name);
        out->size = (size_t)n;
        return 0;
}

int workspace_logs(const struct workspace *workspace, struct buffer *criu, struct buffer *runtime,
                   struct error *err)
{
        int r = read_tail(workspace->dir, "dump.log", criu, err);

        return r < 0 ? r : read_tail(workspace->dir, "runtime.log", runtime, err);
}
