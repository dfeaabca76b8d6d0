/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/stream.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "base/file.h"

#define SCRATCH_SIZE (64 * KIB)

/* Headers of small members lie close together: of a plain tar, that much is read where the last one was near.
 */
#define NEAR_SIZE (16 * KIB)

/* Enough of a head to know a compressed member. */
#define HEAD_SIZE 16

struct stream {
        const struct archive *archive;
        const char *what;    /* for errors; borrowed */
        int fd;              /* a member of a directory; -1: the archive's own file */
        struct slice memory; /* a member that was kept; data NULL: not in memory */
        uint64_t base;       /* offset in the file or the expanded tar at which position 0 lies */
        uint64_t position, end;
        struct decompressor *decompressor; /* compressed without index */
        uint64_t source_position;          /* next byte of the file that the decompressor gets */
        struct stream *inner;              /* the compressed contents that the decompressor gets instead */
        uint8_t head[HEAD_SIZE];           /* what was read of `inner` to look at */
        size_t head_size, head_taken;
        uint8_t *near; /* bytes of the file from `near_offset` on; NULL: none yet */
        uint64_t near_offset;
        size_t near_size;
};

static ssize_t read_file(void *context, void *data, size_t size)
{
        struct stream *stream = context;
        const struct archive *archive = stream->archive;
        uint64_t left = archive->size - stream->source_position;
        ssize_t n = file_pread_full(archive->fd, data, size < left ? size : (size_t)left,
                                    archive->origin + stream->source_position);

        if (n > 0)
                stream->source_position += (uint64_t)n;
        return n;
}

static ssize_t read_inner(void *context, void *data, size_t size)
{
        struct stream *stream = context;
        size_t left = stream->head_size - stream->head_taken;

        if (!left)
                return stream_read(stream->inner, data, size, NULL);
        if (size > left)
                size = left;
        memcpy(data, stream->head + stream->head_taken, size);
        stream->head_taken += size;
        return (ssize_t)size;
}

static struct stream *stream_new(const struct archive *archive, const char *what)
{
        struct stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return NULL;
        stream->archive = archive;
        stream->what = what;
        stream->fd = -1;
        stream->end = UINT64_MAX;
        return stream;
}

void stream_free(struct stream *stream)
{
        if (!stream)
                return;
        if (stream->decompressor)
                decompressor_free(stream->decompressor);
        stream_free(stream->inner);
        if (stream->fd >= 0)
                close(stream->fd);
        free(stream->near);
        free(stream);
}

int stream_open(const struct archive *archive, struct stream **out, struct error *err)
{
        _cleanup_stream_ struct stream *stream = stream_new(archive, archive->path);
        int ret;

        if (!stream)
                return error_oom(err);
        if (archive->compression == COMPRESSION_NONE || archive->indexed) {
                stream->end = archive->stream_size;
        } else {
                ret = decompressor_new(archive->compression, read_file, stream, &stream->decompressor, err);
                if (ret < 0)
                        return ret;
        }
        *out = steal_ptr(stream);
        return 0;
}

/* The contents as they lie there. */
static int open_raw(const struct archive *archive, const struct archive_member *member, struct stream **out,
                    struct error *err)
{
        size_t position = (size_t)(member - archive->members);
        _cleanup_stream_ struct stream *stream = NULL;
        int ret;

        if (archive->form == ARCHIVE_DIRECTORY || !member->size ||
            (archive->kept && archive->kept[position].data)) {
                stream = stream_new(archive, member->name);
                if (!stream)
                        return error_oom(err);
                if (archive->form == ARCHIVE_DIRECTORY) {
                        stream->fd = archive_open_on_disk(archive, member, err);
                        if (stream->fd < 0)
                                return stream->fd;
                } else if (member->size) {
                        stream->memory = buffer_slice(&archive->kept[position]);
                }
        } else {
                ret = stream_open(archive, &stream, err);
                if (ret < 0)
                        return ret;
                stream->what = member->name;
                ret = stream_skip(stream, member->offset, err);
                if (ret < 0)
                        return ret;
                if (!stream->decompressor)
                        stream->base = member->offset;
                stream->position = 0;
        }
        stream->end = member->size;
        *out = steal_ptr(stream);
        return 0;
}

int stream_open_memory(struct slice bytes, const char *what, struct stream **out, struct error *err)
{
        struct stream *stream = stream_new(NULL, what);

        if (!stream)
                return error_oom(err);
        stream->memory = bytes;
        stream->end = bytes.size;
        *out = stream;
        return 0;
}

int stream_open_member(const struct archive *archive, const struct archive_member *member, bool expand,
                       struct stream **out, struct error *err)
{
        _cleanup_stream_ struct stream *inner = NULL, *stream = NULL;
        enum compression compression;
        ssize_t n;
        int ret = open_raw(archive, member, &inner, err);

        if (ret < 0)
                return ret;
        if (!expand) {
                *out = steal_ptr(inner);
                return 0;
        }
        stream = stream_new(archive, member->name);
        if (!stream)
                return error_oom(err);
        n = stream_read(inner, stream->head, HEAD_SIZE, err);
        if (n < 0)
                return (int)n;
        stream->head_size = (size_t)n;
        stream->inner = steal_ptr(inner);
        compression = compression_detect((struct slice){stream->head, stream->head_size});
        if (compression == COMPRESSION_NONE) {
                stream->end = member->size;
        } else {
                ret = decompressor_new(compression, read_inner, stream, &stream->decompressor, err);
                if (ret < 0)
                        return ret;
        }
        *out = steal_ptr(stream);
        return 0;
}

static int read_error(const struct stream *stream, int ret, struct error *err)
{
        return error_errno(err, -ret, "cannot read `%s`", stream->archive->path);
}

/* Plain contents behind a head that was looked at. */
static ssize_t read_behind_head(struct stream *stream, void *data, size_t size, struct error *err)
{
        size_t left = stream->head_size - stream->head_taken;
        ssize_t n;

        if (left > size)
                left = size;
        memcpy(data, stream->head + stream->head_taken, left);
        stream->head_taken += left;
        n = stream_read(stream->inner, (uint8_t *)data + left, size - left, err);
        return n < 0 ? n : n + (ssize_t)left;
}

/* A header's worth of a plain tar, at `offset` of the file. */
static ssize_t read_header(struct stream *stream, void *data, size_t size, uint64_t offset)
{
        uint64_t near_end = stream->near_offset + stream->near_size;
        bool is_near = stream->near && offset >= stream->near_offset && offset < near_end + NEAR_SIZE;
        ssize_t n;

        if (!stream->near && !(stream->near = malloc(NEAR_SIZE)))
                return -ENOMEM;
        if (offset < stream->near_offset || offset > near_end || size > near_end - offset) {
                n = file_pread_full(stream->archive->fd, stream->near, is_near ? NEAR_SIZE : size, offset);
                if (n < 0)
                        return n;
                stream->near_offset = offset;
                stream->near_size = (size_t)n;
                near_end = offset + (size_t)n;
        }
        if (size > near_end - offset)
                size = (size_t)(near_end - offset);
        memcpy(data, stream->near + (offset - stream->near_offset), size);
        return (ssize_t)size;
}

static ssize_t read_plain(struct stream *stream, void *data, size_t size, uint64_t offset)
{
        if (stream->fd >= 0)
                return file_pread_full(stream->fd, data, size, offset);
        offset += stream->archive->origin;
        return size <= TAR_BLOCK ? read_header(stream, data, size, offset)
                                 : file_pread_full(stream->archive->fd, data, size, offset);
}

ssize_t stream_read(struct stream *stream, void *data, size_t size, struct error *err)
{
        uint64_t offset = stream->base + stream->position;
        ssize_t n;

        if (size > stream->end - stream->position)
                size = (size_t)(stream->end - stream->position);
        if (size == 0)
                return 0;
        if (stream->decompressor) {
                n = decompressor_read(stream->decompressor, data, size, err);
                if (n < 0)
                        error_wrap(err, (int)n, "`%s`", stream->archive->path);
        } else if (stream->inner) {
                n = read_behind_head(stream, data, size, err);
        } else if (stream->memory.data) {
                memcpy(data, stream->memory.data + stream->position, size);
                n = (ssize_t)size;
        } else if (stream->fd < 0 && stream->archive->compression != COMPRESSION_NONE) {
                n = archive_read_frames(stream->archive, offset, data, size, err);
        } else {
                n = read_plain(stream, data, size, offset);
                if (n < 0)
                        read_error(stream, (int)n, err);
        }
        if (n > 0)
                stream->position += (uint64_t)n;
        return n;
}

static int beyond_end(const struct stream *stream, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short", stream->what);
}

int stream_skip(struct stream *stream, uint64_t size, struct error *err)
{
        uint8_t scratch[SCRATCH_SIZE];

        if (size > stream->end - stream->position)
                return beyond_end(stream, err);
        if (!stream->decompressor) {
                size_t head = stream->head_size - stream->head_taken;

                head = head > size ? (size_t)size : head;
                stream->head_taken += head;
                stream->position += size;
                return stream->inner ? stream_skip(stream->inner, size - head, err) : 0;
        }
        while (size) {
                ssize_t n = stream_read(stream, scratch,
                                        size < sizeof(scratch) ? (size_t)size : sizeof(scratch), err);

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return beyond_end(stream, err);
                size -= (uint64_t)n;
        }
        return 0;
}

uint64_t stream_position(const struct stream *stream)
{
        return stream->position;
}
