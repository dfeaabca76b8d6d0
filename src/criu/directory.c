/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/directory.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "criu/errors.h"

#define STATISTICS "stats-dump"

struct criu_directory {
        int images, work; /* work: -1 when none was named */
};

/* A regular file's descriptor and size; -ENOENT without an error set when there is none. */
static int directory_open_file(const struct criu_directory *directory, const char *name, struct stat *status,
                               struct error *err)
{
        _cleanup_close_ int fd = file_open_beneath(directory->images, name, O_RDONLY | O_NONBLOCK, 0);

        if (fd == -ENOENT && directory->work >= 0 && strcmp(name, STATISTICS) == 0)
                fd = file_open_beneath(directory->work, name, O_RDONLY | O_NONBLOCK, 0);
        if (fd == -ENOENT)
                return fd;
        if (fd < 0)
                return error_errno(err, -fd, "cannot open the CRIU image %s", name);
        if (fstat(fd, status) < 0)
                return error_errno(err, errno, "cannot look at the CRIU image %s", name);
        if (!S_ISREG(status->st_mode))
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: it is not a regular file", name);
        return steal_fd(&fd);
}

static int directory_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        struct stat status;
        _cleanup_close_ int fd = directory_open_file(context, name, &status, err);

        if (fd == -ENOENT)
                return error_set(err, &ERROR_CRIU_IMAGE_MISSING, fd, "%s: there is no such file", name);
        if (fd < 0)
                return fd;
        *out = (uint64_t)status.st_size;
        return 0;
}

static int directory_read(void *context, const char *name, uint64_t limit, struct buffer *out,
                          struct error *err)
{
        struct stat status;
        _cleanup_close_ int fd = directory_open_file(context, name, &status, err);
        ssize_t n;
        int r;

        if (fd == -ENOENT)
                return error_set(err, &ERROR_CRIU_IMAGE_MISSING, fd, "%s: there is no such file", name);
        if (fd < 0)
                return fd;
        if ((uint64_t)status.st_size > limit)
                return error_set(err, &ERROR_CRIU_IMAGE, -EFBIG, "%s: it is larger than %llu bytes", name,
                                 (unsigned long long)limit);
        r = buffer_reserve(out, (size_t)status.st_size);
        if (r < 0)
                return error_oom(err);
        n = file_read_full(fd, out->data + out->size, (size_t)status.st_size);
        if (n < 0)
                return error_errno(err, (int)-n, "cannot read the CRIU image %s", name);
        out->size += (size_t)n;
        out->data[out->size] = '\0';
        return 0;
}

static int directory_list(void *context, int (*each)(void *argument, const char *name, uint64_t size),
                          void *argument, struct error *err)
{
        const struct criu_directory *directory = context;
        int fd = openat(directory->images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;

        if (!dir) {
                int errnum = errno;

                if (fd >= 0)
                        close(fd);
                return error_errno(err, errnum, "cannot list the CRIU images");
        }
        while ((errno = 0, entry = readdir(dir))) {
                struct stat status;
                int r;

                if (fstatat(directory->images, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                        return error_errno(err, errno, "cannot look at the CRIU image %s", entry->d_name);
                if (!S_ISREG(status.st_mode))
                        continue;
                r = each(argument, entry->d_name, (uint64_t)status.st_size);
                if (r != 0)
                        return r;
        }
        return errno ? error_errno(err, errno, "cannot list the CRIU images") : 0;
}

struct directory_reader {
        struct criu_reader reader; /* first: it is what callers have */
        int fd;
};

static ssize_t directory_reader_read(struct criu_reader *reader, void *data, size_t size, struct error *err)
{
        ssize_t n = file_read_full(((struct directory_reader *)reader)->fd, data, size);

        return n < 0 ? error_errno(err, (int)-n, "cannot read a CRIU image") : n;
}

static void directory_reader_close(struct criu_reader *reader)
{
        close(((struct directory_reader *)reader)->fd);
        free(reader);
}

static int directory_open(void *context, const char *name, struct criu_reader **out, struct error *err)
{
        struct directory_reader *reader;
        struct stat status;
        int fd = directory_open_file(context, name, &status, err);

        if (fd < 0)
                return fd;
        reader = calloc(1, sizeof(*reader));
        if (!reader) {
                close(fd);
                return error_oom(err);
        }
        *reader = (struct directory_reader){.reader = {directory_reader_read, directory_reader_close},
                                            .fd = fd};
        *out = &reader->reader;
        return 0;
}

int criu_directory_open(const char *images, const char *work, struct criu_directory **out, struct error *err)
{
        _cleanup_criu_directory_ struct criu_directory *directory = malloc(sizeof(*directory));

        if (!directory)
                return error_oom(err);
        directory->work = -1;
        directory->images = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory->images < 0)
                return error_errno(err, errno, "cannot open the directory of CRIU images %s", images);
        if (work)
                directory->work = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (work && directory->work < 0)
                return error_errno(err, errno, "cannot open CRIU's work directory %s", work);
        *out = steal_ptr(directory);
        return 0;
}

struct criu_source criu_directory_source(struct criu_directory *directory)
{
        return (struct criu_source){directory, directory_size, directory_read, directory_list,
                                    directory_open};
}

int criu_directory_read_pages(void *directory, const char *name, uint64_t offset, void *data, size_t size,
                              struct error *err)
{
        struct stat status;
        _cleanup_close_ int fd = directory_open_file(directory, name, &status, err);
        ssize_t n;

        if (fd == -ENOENT)
                return error_set(err, &ERROR_CRIU_IMAGE_MISSING, fd, "%s: there is no such file", name);
        if (fd < 0)
                return fd;
        n = file_pread_full(fd, data, size, offset);
        if (n < 0)
                return error_errno(err, (int)-n, "cannot read the CRIU image %s", name);
        if ((size_t)n < size)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: cut short before byte %llu", name,
                                 (unsigned long long)(offset + size));
        return 0;
}

void criu_directory_free(struct criu_directory *directory)
{
        if (!directory)
                return;
        cleanup_close(&directory->images);
        cleanup_close(&directory->work);
        free(directory);
}
