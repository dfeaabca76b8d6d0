/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/stream.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "archive/prefetch.h"
#include "base/file.h"

#define SCRATCH_SIZE (64 * KIB)

/* Headers of small members lie close together: of a plain tar, that much is read where the last one was near.
 */
#define NEAR_SIZE (16 * KIB)

struct stream {
        const struct archive *archive;
        const char *what;    /* for errors; borrowed */
        int fd;              /* a member of a directory; -1: a part of the archive */
        struct slice memory; /* a member that was kept; data NULL: not in memory */
        const struct part *part;
        uint64_t base; /* offset in the plain part or the expanded tar at which position 0 lies */
        uint64_t position, end;
        struct decompressor *decompressor; /* compressed without index */
        _Atomic uint64_t source_position;  /* next byte of the part as it lies in its file */
        struct stream *outer;              /* within which it is; borrowed */
        struct prefetch *ahead;            /* reads `source`, which is its own */
        const struct stream *source;
        struct slice chunk; /* what came of it and has not been read */
        stream_tap tap;
        void *tap_context;
        struct sha256_stream *sha256; /* of these bytes; NULL: they are not verified */
        struct ctr_hmac *cipher;      /* of a part that is encrypted */
        struct stream *inner; /* what the decompressor gets instead; joined: the part whose turn it is */
        bool joined;          /* all parts of the archive, one after another */
        size_t turn;          /* number of that part */
        uint8_t head[ARCHIVE_HEAD_SIZE]; /* what was read of `inner` to look at */
        size_t head_size, head_taken;
        struct error why; /* the part could not be read */
        uint8_t *near;    /* bytes of the part from `near_offset` on; NULL: none yet */
        uint64_t near_offset;
        size_t near_size;
};

static ssize_t read_pipe(struct stream *stream, uint8_t *data, size_t size)
{
        const struct part *part = stream->part;
        size_t left = stream->source_position < part->head_size
                              ? part->head_size - (size_t)stream->source_position
                              : 0;
        ssize_t n;

        if (left > size)
                left = size;
        memcpy(data, part->head + part->head_size - left, left);
        n = file_read_full(part->fd, data + left, size - left);
        return n < 0 ? n : n + (ssize_t)left;
}

/* What stands at the source position, in place. Only what is read from the beginning to the end can be
 * proven. */
static int decrypt(struct stream *stream, void *data, size_t size)
{
        return stream->sha256 ? ctr_hmac_decrypt(stream->cipher, data, size)
                              : ctr_hmac_decrypt_at(stream->cipher, stream->source_position, data, size);
}

/* The next bytes of the part as they lie in its file, decrypted. */
static ssize_t read_part(void *context, void *data, size_t size)
{
        struct stream *stream = context;
        const struct part *part = stream->part;
        ssize_t n;

        if (part->pipe) {
                n = read_pipe(stream, data, size);
        } else {
                n = archive_read_part(stream->archive, part, stream->source_position, data, size,
                                      &stream->why);
        }
        if (n <= 0)
                return n;
        if (stream->sha256 && sha256_update(stream->sha256, data, (size_t)n) < 0)
                return -EIO;
        if (stream->cipher && decrypt(stream, data, (size_t)n) < 0)
                return -EIO;
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
        if (stream->sha256)
                sha256_free(stream->sha256);
        ctr_hmac_free(stream->cipher);
        stream_free(stream->inner);
        prefetch_free(stream->ahead);
        if (stream->fd >= 0)
                close(stream->fd);
        free(stream->near);
        free(stream);
}

int stream_open_part(const struct archive *archive, const struct part *part, bool verify, struct stream **out,
                     struct error *err)
{
        _cleanup_stream_ struct stream *stream = stream_new(archive, archive->path);
        int ret = 0;

        if (!stream)
                return error_oom(err);
        if (archive->spent)
                return error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                 "`%s` is a pipe, which can be read only once", archive->path);
        stream->part = part;
        if (verify && part->has_digest)
                ret = sha256_new(&stream->sha256, err);
        if (ret == 0 && part->key.data)
                ret = ctr_hmac_new((const void *)part->key.data, &stream->cipher, err);
        if (archive->indexed)
                stream->end = archive->stream_size;
        else if (part->compression != COMPRESSION_NONE || part->pipe)
                ret = ret < 0 ? ret
                              : decompressor_new(part->compression, read_part, stream, &stream->decompressor,
                                                 err);
        else
                stream->end = part->size;
        if (ret == 0)
                *out = steal_ptr(stream);
        return ret;
}

int stream_open(const struct archive *archive, struct stream **out, struct error *err)
{
        struct stream *stream;

        if (!archive->joined)
                return stream_open_part(archive, &archive->parts[0], false, out, err);
        stream = stream_new(archive, archive->path);
        if (!stream)
                return error_oom(err);
        stream->joined = true;
        stream->end = archive->stream_size;
        *out = stream;
        return 0;
}

/* What was kept of a member, if that is all of it. */
static int open_kept(const struct archive *archive, const struct archive_member *member, struct stream **out,
                     struct error *err)
{
        const struct kept *kept = &archive->kept[member - archive->members];
        _cleanup_stream_ struct stream *stream = NULL;

        if (!kept->spilled)
                return stream_open_memory(buffer_slice(&kept->bytes), member->name, out, err);
        stream = stream_new(archive, member->name);
        if (!stream)
                return error_oom(err);
        stream->fd = fcntl(archive->spill, F_DUPFD_CLOEXEC, 0);
        if (stream->fd < 0)
                return error_errno(err, errno, "cannot read what was kept of `%s`", archive->path);
        stream->base = kept->place;
        stream->end = member->size;
        *out = steal_ptr(stream);
        return 0;
}

static int open_in_part(const struct archive *archive, const struct archive_member *member,
                        struct stream **out, struct error *err)
{
        const struct part *part = archive_part_of(archive, member);
        uint64_t offset = member->offset - part->start;
        _cleanup_stream_ struct stream *stream = NULL;
        int ret = stream_open_part(archive, part, false, &stream, err);

        if (ret == 0) {
                stream->what = member->name;
                ret = stream_skip(stream, offset, err);
        }
        if (ret < 0)
                return ret;
        if (!stream->decompressor)
                stream->base = offset;
        stream->position = 0;
        stream->end = member->size;
        *out = steal_ptr(stream);
        return 0;
}

static int open_on_disk(const struct archive *archive, const struct archive_member *member,
                        struct stream **out, struct error *err)
{
        _cleanup_stream_ struct stream *stream = stream_new(archive, member->name);

        if (!stream)
                return error_oom(err);
        stream->fd = archive_open_on_disk(archive, member, err);
        if (stream->fd < 0)
                return stream->fd;
        stream->end = member->size;
        *out = steal_ptr(stream);
        return 0;
}

/* The contents as they lie there. */
static int open_raw(const struct archive *archive, const struct archive_member *member, struct stream **out,
                    struct error *err)
{
        const struct kept *kept = &archive->kept[member - archive->members];

        if (archive->form == ARCHIVE_DIRECTORY)
                return open_on_disk(archive, member, out, err);
        if (!member->size || ((kept->bytes.data || kept->spilled) && !kept->from))
                return open_kept(archive, member, out, err);
        return open_in_part(archive, member, out, err);
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

int stream_open_source(enum compression compression, byte_source source, void *context, const char *what,
                       struct stream **out, struct error *err)
{
        _cleanup_stream_ struct stream *stream = stream_new(NULL, what);
        int ret;

        if (!stream)
                return error_oom(err);
        ret = decompressor_new(compression, source, context, &stream->decompressor, err);
        if (ret == 0)
                *out = steal_ptr(stream);
        return ret;
}

/* Takes over `inner`, also when it fails. */
static int open_expanded(const struct archive *archive, struct stream *inner, struct stream **out,
                         struct error *err)
{
        _cleanup_stream_ struct stream *stream = stream_new(archive, inner->what);
        enum compression compression;
        ssize_t n;
        int ret;

        if (!stream) {
                stream_free(inner);
                return error_oom(err);
        }
        stream->inner = inner;
        n = stream_read(inner, stream->head, ARCHIVE_HEAD_SIZE, err);
        if (n < 0)
                return (int)n;
        stream->head_size = (size_t)n;
        compression = compression_detect((struct slice){stream->head, stream->head_size});
        if (compression == COMPRESSION_NONE) {
                stream->end = inner->end;
        } else {
                ret = decompressor_new(compression, read_inner, stream, &stream->decompressor, err);
                if (ret < 0)
                        return ret;
        }
        *out = steal_ptr(stream);
        return 0;
}

int stream_open_member(const struct archive *archive, const struct archive_member *member, bool expand,
                       struct stream **out, struct error *err)
{
        struct stream *raw;
        int ret = open_raw(archive, member, &raw, err);

        if (ret == 0 && expand)
                return open_expanded(archive, raw, out, err);
        if (ret == 0)
                *out = raw;
        return ret;
}

int stream_open_within(struct stream *outer, uint64_t size, const char *what, bool expand,
                       struct stream **out, struct error *err)
{
        struct stream *stream = stream_new(outer->archive, what);

        if (!stream)
                return error_oom(err);
        stream->outer = outer;
        stream->end = size;
        if (expand)
                return open_expanded(outer->archive, stream, out, err);
        *out = stream;
        return 0;
}

int stream_open_ahead(struct stream *source, struct stream **out, struct error *err)
{
        struct stream *stream = stream_new(source->archive, source->what);
        int ret;

        if (!stream) {
                stream_free(source);
                return error_oom(err);
        }
        stream->source = source;
        ret = prefetch_new(source, 0, &stream->ahead, err);
        if (ret < 0)
                stream_free(stream);
        else
                *out = stream;
        return ret;
}

void stream_set_tap(struct stream *stream, stream_tap tap, void *context)
{
        stream->tap = tap;
        stream->tap_context = context;
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

static int beyond_end(const struct stream *stream, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short", stream->what);
}

/* Bytes that are left of the part whose turn it is, the next one's when that has ended; 0 behind the last. */
static uint64_t left_in_part(struct stream *stream)
{
        const struct archive *archive = stream->archive;

        for (; stream->turn < archive->part_count; stream->turn++) {
                const struct part *part = &archive->parts[stream->turn];

                if (stream->position < part->start + part->length)
                        return part->start + part->length - stream->position;
                stream_free(stream->inner);
                stream->inner = NULL;
        }
        return 0;
}

static int open_turn(struct stream *stream, struct error *err)
{
        const struct part *part = &stream->archive->parts[stream->turn];

        return stream->inner ? 0 : stream_open_part(stream->archive, part, false, &stream->inner, err);
}

/* May be short where a part ends. */
static ssize_t read_joined(struct stream *stream, void *data, size_t size, struct error *err)
{
        uint64_t left = left_in_part(stream);
        ssize_t n;
        int ret;

        if (!left) { /* the end marker */
                memset(data, 0, size);
                return (ssize_t)size;
        }
        ret = open_turn(stream, err);
        if (ret < 0)
                return ret;
        n = stream_read(stream->inner, data, size < left ? size : (size_t)left, err);
        return n == 0 ? beyond_end(stream, err) : n;
}

/* Whole parts are passed over without being opened. */
static int skip_joined(struct stream *stream, uint64_t size, struct error *err)
{
        while (size) {
                uint64_t left = left_in_part(stream), step = !left || size < left ? size : left;

                if (step < left) {
                        int ret = open_turn(stream, err);

                        if (ret == 0)
                                ret = stream_skip(stream->inner, step, err);
                        if (ret < 0)
                                return ret;
                }
                stream->position += step;
                size -= step;
        }
        return 0;
}

/* A header's worth of a plain part, at `offset` in it. */
static ssize_t read_header(struct stream *stream, void *data, size_t size, uint64_t offset)
{
        uint64_t near_end = stream->near_offset + stream->near_size;
        bool is_near = stream->near && offset >= stream->near_offset && offset < near_end + NEAR_SIZE;

        if (!stream->near && !(stream->near = malloc(NEAR_SIZE)))
                return -ENOMEM;
        if (offset < stream->near_offset || offset > near_end || size > near_end - offset) {
                ssize_t n;

                stream->source_position = offset;
                n = read_part(stream, stream->near, is_near ? NEAR_SIZE : size);
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

static int cannot_read(const struct stream *stream, int ret, struct error *err)
{
        if (!stream->why.kind)
                return error_errno(err, -ret, "cannot read `%s`", stream->archive->path);
        if (err)
                *err = stream->why;
        return ret;
}

/* Up to `size` bytes of what was read ahead, in place. 0: the end. */
static int next_ahead(struct stream *stream, uint64_t size, struct slice *out, struct error *err)
{
        if (!stream->chunk.size) {
                int ret = prefetch_next(stream->ahead, &stream->chunk, err);

                if (ret <= 0)
                        return ret;
        }
        slice_take(&stream->chunk, size < stream->chunk.size ? size : stream->chunk.size, out);
        return 1;
}

static ssize_t read_ahead(struct stream *stream, void *data, size_t size, struct error *err)
{
        struct slice bytes;
        int ret = next_ahead(stream, size, &bytes, err);

        if (ret <= 0)
                return ret;
        memcpy(data, bytes.data, bytes.size);
        return (ssize_t)bytes.size;
}

static ssize_t read_some(struct stream *stream, void *data, size_t size, struct error *err)
{
        uint64_t offset = stream->base + stream->position;
        ssize_t n;

        if (stream->decompressor) {
                n = decompressor_read(stream->decompressor, data, size, err);
                if (n < 0 && stream->why.kind)
                        return cannot_read(stream, (int)n, err);
                if (n < 0)
                        error_wrap(err, (int)n, "`%s`",
                                   stream->archive ? stream->archive->path : stream->what);
                return n;
        }
        if (stream->joined)
                return read_joined(stream, data, size, err);
        if (stream->ahead)
                return read_ahead(stream, data, size, err);
        if (stream->outer)
                return stream_read(stream->outer, data, size, err);
        if (stream->inner)
                return read_behind_head(stream, data, size, err);
        if (stream->memory.data) {
                memcpy(data, stream->memory.data + stream->position, size);
                return (ssize_t)size;
        }
        if (stream->part && stream->part->compression != COMPRESSION_NONE)
                return archive_read_frames(stream->archive, offset, data, size, err);
        if (stream->part) {
                stream->source_position = offset;
                n = size <= TAR_BLOCK && !stream->sha256 ? read_header(stream, data, size, offset)
                                                         : read_part(stream, data, size);
        } else {
                n = file_pread_full(stream->fd, data, size, offset);
        }
        return n < 0 ? cannot_read(stream, (int)n, err) : n;
}

static int check_cipher(struct stream *stream, struct error *err)
{
        if (!stream->cipher || ctr_hmac_verify(stream->cipher) == 0)
                return 0;
        return error_set(err, &ERROR_ENCRYPTED_LAYER, -EBADMSG, "`%s`: an encrypted layer was altered",
                         stream->archive->path);
}

/* At the end: all bytes of the part, also those behind what was expanded, have its digest. */
static int check_digest(struct stream *stream, struct error *err)
{
        uint8_t scratch[SCRATCH_SIZE];
        char hex[SHA256_HEX_SIZE];
        struct sha256 digest;
        ssize_t n;

        while ((n = read_part(stream, scratch, sizeof(scratch))) > 0)
                ;
        if (n == 0 && sha256_finish(stream->sha256, &digest) < 0)
                n = -EIO;
        sha256_free(stream->sha256);
        stream->sha256 = NULL;
        if (n < 0)
                return cannot_read(stream, (int)n, err);
        if (sha256_equal(&digest, &stream->part->digest))
                return check_cipher(stream, err);
        return error_set(err, &ERROR_ARCHIVE_DIGEST, -EBADMSG, "`%s`: layer %s differs from its digest",
                         stream->archive->path, sha256_hex(&stream->part->digest, hex));
}

ssize_t stream_read(struct stream *stream, void *data, size_t size, struct error *err)
{
        size_t wanted = size, done = 0;

        if (size > stream->end - stream->position)
                size = (size_t)(stream->end - stream->position);
        while (done < size) {
                ssize_t n = read_some(stream, (uint8_t *)data + done, size - done, err);

                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                stream->position += (uint64_t)n;
                done += (size_t)n;
        }
        if (done < wanted && stream->sha256) {
                int ret = check_digest(stream, err);

                if (ret < 0)
                        return ret;
        }
        if (stream->tap && done) {
                int ret = stream->tap(stream->tap_context, (struct slice){data, done}, err);

                if (ret < 0)
                        return ret;
        }
        return (ssize_t)done;
}

/* What was read ahead is in memory: it need not be copied to be passed over. */
static int skip_ahead(struct stream *stream, uint64_t size, struct error *err)
{
        while (size) {
                struct slice bytes;
                int ret = next_ahead(stream, size, &bytes, err);

                if (ret <= 0)
                        return ret < 0 ? ret : beyond_end(stream, err);
                stream->position += bytes.size;
                size -= bytes.size;
                ret = stream->tap ? stream->tap(stream->tap_context, bytes, err) : 0;
                if (ret < 0)
                        return ret;
        }
        return 0;
}

int stream_skip(struct stream *stream, uint64_t size, struct error *err)
{
        uint8_t scratch[SCRATCH_SIZE];

        if (size > stream->end - stream->position)
                return beyond_end(stream, err);
        if (stream->joined)
                return skip_joined(stream, size, err);
        if (stream->ahead)
                return skip_ahead(stream, size, err);
        if (!stream->decompressor && !stream->sha256) {
                struct stream *below = stream->outer ? stream->outer : stream->inner;
                size_t head = stream->head_size - stream->head_taken;

                head = head > size ? (size_t)size : head;
                stream->head_taken += head;
                stream->position += size;
                return below ? stream_skip(below, size - head, err) : 0;
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

uint64_t stream_source_position(const struct stream *stream)
{
        return stream->source ? stream->source->source_position : stream->source_position;
}
