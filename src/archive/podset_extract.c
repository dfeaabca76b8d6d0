/* SPDX-License-Identifier: Apache-2.0 */
/* A set of pod checkpoints, from its directory into one tar. */
#include <errno.h>
#include <fcntl.h>
#include "archive/output.h"
#include "archive/podset_private.h"
#include "base/clock.h"
#include "base/file.h"

struct extraction {
        const struct podset *set;
        const struct progress *progress;
        struct output *output;
        uint64_t total; /* bytes of all archives */
        uint64_t done;
};

/* A regular file of the directory, no link. Returns a descriptor. */
static int open_file(const struct podset *set, const char *name, struct stat *st, struct error *err)
{
        _cleanup_close_ int fd = file_open_beneath(set->dir, name, O_RDONLY | O_NONBLOCK, 0);

        if (fd < 0)
                return error_errno(err, -fd, "cannot access `%s/%s`", set->path, name);
        if (fstat(fd, st) < 0)
                return error_errno(err, errno, "cannot access `%s/%s`", set->path, name);
        if (!S_ISREG(st->st_mode))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s/%s` is not a regular file", set->path,
                                 name);
        return steal_fd(&fd);
}

/* Nothing is written before all of them are seen to be there. */
static int measure(struct extraction *extraction, struct error *err)
{
        const struct pods *pods = extraction->set->pods;
        char name[POD_ARCHIVE_SIZE];

        for (size_t i = 0; i < pods->count; i++) {
                _cleanup_close_ int fd = -1;
                struct stat st;

                if (!pods->list[i].sandbox[0])
                        return error_set(
                                err, &ERROR_ARCHIVE_METADATA, -EBADMSG,
                                "`%s`: the pod `%s` has no SandboxID, so its archive cannot be found",
                                extraction->set->place, pods->list[i].name);
                fd = open_file(extraction->set, pod_archive_name(&pods->list[i], name), &st, err);
                if (fd < 0)
                        return fd;
                extraction->total += (uint64_t)st.st_size;
        }
        return 0;
}

/* Exactly `size` bytes, straight into the blocks that are written. */
static int copy_contents(struct extraction *extraction, int fd, const char *name, uint64_t size,
                         struct error *err)
{
        for (uint64_t left = size; left;) {
                uint8_t *data;
                size_t room;
                ssize_t n;
                int ret = output_room(extraction->output, &data, &room, err);

                if (ret < 0)
                        return ret;
                n = file_read_full(fd, data, room < left ? room : (size_t)left);
                if (n < 0)
                        return error_errno(err, (int)-n, "read `%s/%s`", extraction->set->path, name);
                if (n == 0)
                        return error_set(err, &ERROR_IO, -EIO, "`%s/%s` became shorter while it was read",
                                         extraction->set->path, name);
                output_advance(extraction->output, (size_t)n);
                left -= (uint64_t)n;
                extraction->done += (uint64_t)n;
                progress_step(extraction->progress, "extract", extraction->done, extraction->total);
                if (progress_cancelled(extraction->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        return 0;
}

static int add_header(struct extraction *extraction, const char *name, uint64_t size, int64_t mtime,
                      struct error *err)
{
        _cleanup_buffer_ struct buffer header = {0};
        struct tar_entry entry = {.type = TAR_FILE, .mode = 0600, .size = size, .mtime = mtime};

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        if (tar_header_append(&entry, NULL, 0, &header) < 0)
                return error_oom(err);
        return output_append(extraction->output, header.data, header.size, err);
}

/* Zeros to a whole block. */
static int pad(struct extraction *extraction, struct error *err)
{
        static const uint8_t zeros[TAR_BLOCK];
        uint64_t stream = output_stream(extraction->output);

        return output_append(extraction->output, zeros, tar_padded(stream) - stream, err);
}

static int add_file(struct extraction *extraction, const char *name, struct error *err)
{
        struct stat st;
        _cleanup_close_ int fd = open_file(extraction->set, name, &st, err);
        int ret;

        if (fd < 0)
                return fd;
        ret = add_header(extraction, name, (uint64_t)st.st_size, st.st_mtim.tv_sec, err);
        if (ret == 0)
                ret = copy_contents(extraction, fd, name, (uint64_t)st.st_size, err);
        return ret < 0 ? ret : pad(extraction, err);
}

/* As it was read: an insert meanwhile may have listed archives that are not among ours. */
static int add_metadata(struct extraction *extraction, struct error *err)
{
        const struct buffer *text = &extraction->set->text;
        int ret = add_header(extraction, PODS_NAME, text->size, clock_realtime_ns() / 1000000000, err);

        if (ret == 0)
                ret = output_append(extraction->output, text->data, text->size, err);
        return ret < 0 ? ret : pad(extraction, err);
}

/* Two entries of one SandboxID have one archive. */
static bool is_first(const struct pods *pods, size_t index)
{
        for (size_t i = 0; i < index; i++)
                if (strcmp(pods->list[i].sandbox, pods->list[index].sandbox) == 0)
                        return false;
        return true;
}

static int add_files(struct extraction *extraction, struct error *err)
{
        static const uint8_t end[2 * TAR_BLOCK];
        const struct pods *pods = extraction->set->pods;
        char name[POD_ARCHIVE_SIZE];
        int ret = add_metadata(extraction, err);

        for (size_t i = 0; ret == 0 && i < pods->count; i++)
                if (is_first(pods, i))
                        ret = add_file(extraction, pod_archive_name(&pods->list[i], name), err);
        if (ret == 0)
                ret = output_append(extraction->output, end, sizeof(end), err);
        return ret < 0 ? ret : output_drain(extraction->output, err);
}

int podset_extract(const struct podset *set, const char *output, enum compression compression,
                   const struct progress *progress, uint64_t *size, struct error *err)
{
        struct extraction extraction = {.set = set, .progress = progress};
        _cleanup_file_writer_ struct file_writer *file = NULL;
        _cleanup_output_ struct output *stream = NULL;
        int ret;

        if (set->archive)
                return error_set(err, &ERROR_BAD_INPUT, -ENOTDIR,
                                 "`%s` is not a directory: what is in a tar has been extracted already",
                                 set->path);
        ret = measure(&extraction, err);
        if (ret == 0)
                ret = file_writer_open(output, true, &file, err);
        if (ret == 0)
                ret = output_new(file_writer_fd(file), output, compression, 0, &stream, err);
        if (ret < 0)
                return ret;
        extraction.output = stream;
        ret = add_files(&extraction, err);
        if (ret < 0)
                return ret;
        *size = output_written(stream);
        return file_writer_commit(file, err);
}
