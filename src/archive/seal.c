/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an archive: what nobody has followed is read back and digested, then all is described in
 * snap.json and snap.index. */
#include "archive/writer_private.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include "base/json.h"
#include "base/pool.h"

enum {
        CHUNK_SIZE = 1024 * 1024,
        /* While the reader fills one chunk, one is hashed and the others wait for that, in order. */
        CHUNKS_WAITING = 2,
        CHUNKS = CHUNKS_WAITING + 2
};

/* fsync of what is there already, meanwhile. */
struct sync {
        pthread_t thread;
        int fd;
        int failed; /* errno */
};

static void *sync_thread(void *argument)
{
        struct sync *sync = argument;

        if (fdatasync(sync->fd) < 0)
                sync->failed = errno;
        return NULL;
}

struct hash_job {
        struct sha256_stream *sha;
        uint8_t *data;
        size_t size;
};

struct readback {
        struct archive_writer *writer;
        uint64_t offset; /* in the file */
        struct decompressor *stream;
        uint64_t position;               /* in the stream */
        struct pool *hasher;             /* one thread: chunks are hashed in order */
        struct sha256_stream *sha, *own; /* that of `followed`, or our own */
        struct hash_job jobs[CHUNKS];
        unsigned next;
        struct followed followed;    /* where it begins, and with what; zeros: with the first member */
        struct sha256_stream *whole; /* of the file as it lies there; may be NULL */
        const struct progress *progress;
};

static ssize_t file_source(void *context, void *data, size_t size)
{
        struct readback *readback = context;
        ssize_t n = file_pread_full(file_writer_fd(readback->writer->file), data, size, readback->offset);

        if (n > 0)
                readback->offset += (uint64_t)n;
        if (n > 0 && readback->whole && sha256_update(readback->whole, data, (size_t)n) < 0)
                return -ENOMEM;
        return n;
}

static void hash_run(void *argument)
{
        struct hash_job *job = argument;

        sha256_update(job->sha, job->data, job->size);
}

/* Exactly `size` bytes of the stream into the next chunk. */
static int chunk_read(struct readback *readback, size_t size, struct hash_job **out, struct error *err)
{
        struct hash_job *job = &readback->jobs[readback->next];
        ssize_t n = decompressor_read(readback->stream, job->data, size, err);

        if (n < 0)
                return error_wrap(err, (int)n, "read `%s` back", readback->writer->path);
        if ((size_t)n < size)
                return error_set(err, &ERROR_IO, -EIO, "`%s` is shorter than what was written to it",
                                 readback->writer->path);
        readback->position += size;
        job->size = size;
        *out = job;
        progress_step(readback->progress, "digest", readback->position,
                      output_stream(readback->writer->output));
        if (progress_cancelled(readback->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        return 0;
}

static size_t chunk_limit(uint64_t size)
{
        return size < CHUNK_SIZE ? (size_t)size : CHUNK_SIZE;
}

static int stream_skip(struct readback *readback, uint64_t to, struct error *err)
{
        struct hash_job *ignored;

        while (readback->position < to) {
                int r = chunk_read(readback, chunk_limit(to - readback->position), &ignored, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int member_read(struct readback *readback, const struct archive_index_member *member,
                       struct member_digest *out, struct error *err)
{
        uint64_t begin = member->contents, end = begin + member->size;
        struct hash_job *job;
        int r;

        out->crc = 0;
        if (readback->followed.position > begin) {
                begin = readback->followed.position;
                out->crc = readback->followed.crc;
        }
        r = stream_skip(readback, begin, err);
        while (r == 0 && readback->position < end) {
                r = chunk_read(readback, chunk_limit(end - readback->position), &job, err);
                if (r < 0)
                        break;
                out->crc = crc32c_update(out->crc, job->data, job->size);
                pool_submit(readback->hasher, hash_run, job);
                readback->next = (readback->next + 1) % CHUNKS;
        }
        pool_wait(readback->hasher);
        if (r < 0)
                return r;
        return sha256_finish(readback->sha, &out->sha256) < 0 ? error_oom(err) : 0;
}

static void readback_free(struct readback *readback)
{
        if (readback->hasher)
                pool_free(readback->hasher);
        if (readback->own)
                sha256_free(readback->own);
        if (readback->stream)
                decompressor_free(readback->stream);
        for (unsigned i = 0; i < CHUNKS; i++)
                free(readback->jobs[i].data);
}

static int readback_new(struct readback *readback, struct error *err)
{
        struct archive_writer *writer = readback->writer;
        int r = writer->follower ? follower_stop(writer->follower, &readback->followed, err)
                                 : sha256_new(&readback->own, err);

        readback->sha = writer->follower ? readback->followed.sha : readback->own;
        /* What was followed is a plain file. */
        if (!readback->whole)
                readback->offset = readback->position = readback->followed.position;
        if (r == 0)
                r = decompressor_new(writer->compression, file_source, readback, &readback->stream, err);
        if (r == 0)
                r = pool_new(1, CHUNKS_WAITING, &readback->hasher, err);
        for (unsigned i = 0; r == 0 && i < CHUNKS; i++) {
                readback->jobs[i].sha = readback->sha;
                readback->jobs[i].data = malloc(CHUNK_SIZE);
                if (!readback->jobs[i].data)
                        r = error_oom(err);
        }
        return r;
}

static int facts_parse(struct slice facts, yyjson_mut_doc **doc, yyjson_mut_val **members, struct error *err)
{
        _cleanup_json_ yyjson_doc *parsed = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *copy = NULL;
        yyjson_mut_val *root;
        int r = json_parse(facts, ARCHIVE_FACTS_NAME, &parsed, err);

        if (r < 0)
                return r;
        if (!yyjson_is_obj(yyjson_doc_get_root(parsed)))
                return error_set(err, &ERROR_INTERNAL, -EINVAL, "%s must be an object", ARCHIVE_FACTS_NAME);
        copy = yyjson_doc_mut_copy(parsed, NULL);
        if (!copy)
                return error_oom(err);
        root = yyjson_mut_doc_get_root(copy);
        *members = yyjson_mut_obj_get(root, "members");
        if (!*members)
                *members = yyjson_mut_obj_add_obj(copy, root, "members");
        if (!*members)
                return error_oom(err);
        *doc = steal_ptr(copy);
        return 0;
}

static int facts_add_member(yyjson_mut_doc *doc, yyjson_mut_val *members,
                            const struct archive_index_member *member, const struct sha256 *digest,
                            struct error *err)
{
        char crc[9], hex[SHA256_HEX_SIZE];
        yyjson_mut_val *entry;

        entry = yyjson_mut_obj_add_obj(doc, members, member->name);
        snprintf(crc, sizeof(crc), "%08" PRIx32, member->crc);
        if (!entry || !yyjson_mut_obj_add_uint(doc, entry, "size", member->size) ||
            !yyjson_mut_obj_add_strcpy(doc, entry, "crc32c", crc) ||
            !yyjson_mut_obj_add_strcpy(doc, entry, "sha256", sha256_hex(digest, hex)))
                return error_oom(err);
        return 0;
}

/* The digest of the member at `index`, and its bytes for `whole`. */
static int member_digest(struct readback *readback, size_t index, struct member_digest *out,
                         struct error *err)
{
        struct archive_writer *writer = readback->writer;
        const struct archive_index_member *member = &writer->members.members[index];
        int r;

        if (index < readback->followed.members) {
                *out = *follower_next(writer->follower);
                r = readback->whole ? stream_skip(readback, member->contents + member->size, err) : 0;
        } else {
                r = member_read(readback, member, out, err);
        }
        if (r == 0 && out->crc != member->crc)
                r = error_set(err, &ERROR_IO, -EIO, "`%s`: %s reads back otherwise than it was written",
                              writer->path, member->name);
        return r;
}

/* `whole` gets all bytes of the file before `*end`. */
static int members_digest(struct archive_writer *writer, yyjson_mut_doc *doc, yyjson_mut_val *members,
                          const struct progress *progress, struct sha256_stream *whole, uint64_t *end,
                          struct error *err)
{
        _cleanup_(readback_free) struct readback readback = {
                .writer = writer, .progress = progress, .whole = whole};
        bool given = yyjson_mut_obj_size(members) > 0;
        int r = readback_new(&readback, err);

        for (size_t i = 0; r == 0 && i < writer->members.member_count; i++) {
                const struct archive_index_member *member = &writer->members.members[i];
                struct member_digest digest;

                r = member_digest(&readback, i, &digest, err);
                if (r == 0 && member->type != TAR_DIRECTORY &&
                    !(given && yyjson_mut_obj_get(members, member->name)))
                        r = facts_add_member(doc, members, member, &digest.sha256, err);
        }
        *end = readback.offset;
        return r;
}

/* Digests everything while the disk catches up. */
static int digest_and_sync(struct archive_writer *writer, yyjson_mut_doc *doc, yyjson_mut_val *members,
                           const struct progress *progress, struct sha256_stream *whole, uint64_t *end,
                           struct error *err)
{
        struct sync sync = {.fd = file_writer_fd(writer->file)};
        int r = pthread_create(&sync.thread, NULL, sync_thread, &sync);

        if (r)
                return error_errno(err, r, "start a thread that syncs `%s`", writer->path);
        r = members_digest(writer, doc, members, progress, whole, end, err);
        pthread_join(sync.thread, NULL);
        if (r == 0 && sync.failed)
                r = error_errno(err, sync.failed, "write `%s` to disk", writer->path);
        return r;
}

/* The CRC of what was just written to the file, from `begin` on. */
static int file_crc(struct archive_writer *writer, uint64_t begin, uint64_t end, uint32_t *out,
                    struct error *err)
{
        _cleanup_buffer_ struct buffer bytes = {};
        ssize_t n;

        if (buffer_reserve(&bytes, end - begin) < 0)
                return error_oom(err);
        n = file_pread_full(file_writer_fd(writer->file), bytes.data, end - begin, begin);
        if (n < 0 || (uint64_t)n < end - begin)
                return error_errno(err, n < 0 ? (int)-n : EIO, "read `%s` back", writer->path);
        *out = crc32c_update(0, bytes.data, (size_t)n);
        return 0;
}

/* The contents of snap.index through its SHA-256, padded; all before it is in the file. */
static int index_contents_add(struct archive_writer *writer, size_t member_count, struct archive_tail *tail,
                              struct error *err)
{
        const struct archive_index *frames = output_frames(writer->output);
        /* Borrows all it has: never freed. */
        const struct archive_index index = {
                .compression = writer->compression,
                .members = writer->members.members,
                .member_count = member_count,
                .frames = frames->frames,
                .frame_count = frames->frame_count,
        };
        _cleanup_buffer_ struct buffer bytes = {};
        int r;

        tail->index_file = output_written(writer->output);
        tail->index_stream = output_stream(writer->output);
        r = archive_index_encode(&index, &bytes, err);
        if (r < 0)
                return r;
        tail->index_size = bytes.size;
        r = output_append(writer->output, bytes.data, bytes.size, err);
        if (r == 0)
                r = writer_pad(writer, err);
        return r < 0 ? r : output_drain(writer->output, err);
}

/*
 * The header of snap.index states a size, which depends on the number of frames before its contents: those so
 * far, and the one that holds the header itself.
 */
static int index_add(struct archive_writer *writer, struct error *err)
{
        size_t member_count = writer->members.member_count, frame_count;
        uint8_t tail_bytes[ARCHIVE_TAIL_SIZE];
        struct archive_tail tail;
        uint64_t size;
        int r = output_drain(writer->output, err);

        if (r < 0)
                return r;
        frame_count = output_frames(writer->output)->frame_count;
        if (writer->compression != COMPRESSION_NONE)
                frame_count++;
        size = tar_padded(archive_index_size(&writer->members, frame_count)) + TAR_BLOCK;
        r = writer_header_add(writer, ARCHIVE_INDEX_NAME, 0600, size, err);
        if (r == 0)
                r = output_drain(writer->output, err);
        if (r == 0)
                r = index_contents_add(writer, member_count, &tail, err);
        if (r < 0)
                return r;
        tail.tail_file = output_written(writer->output);
        r = file_crc(writer, tail.index_file, tail.tail_file, &tail.index_crc, err);
        if (r < 0)
                return r;
        r = archive_tail_encode(&tail, tail_bytes, err);
        if (r < 0)
                return r;
        r = output_append_stored(writer->output, (struct slice){tail_bytes, sizeof(tail_bytes)}, err);
        return r < 0 ? r : output_drain(writer->output, err);
}

/* The bytes of the file from `begin` on, which were written since the others were digested. */
static int whole_finish(struct archive_writer *writer, struct sha256_stream *whole, uint64_t begin,
                        struct sha256 *out, struct error *err)
{
        uint8_t block[16 * KIB];
        ssize_t n;

        while ((n = file_pread_full(file_writer_fd(writer->file), block, sizeof(block), begin)) > 0) {
                if (sha256_update(whole, block, (size_t)n) < 0)
                        return error_oom(err);
                begin += (uint64_t)n;
        }
        if (n < 0)
                return error_errno(err, (int)-n, "read `%s` back", writer->path);
        return sha256_finish(whole, out) < 0 ? error_oom(err) : 0;
}

int archive_writer_seal(struct archive_writer *writer, struct slice facts, const struct progress *progress,
                        struct sha256 *whole, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        _cleanup_buffer_ struct buffer text = {};
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        yyjson_mut_val *members = NULL;
        uint64_t digested = 0;
        int r = facts_parse(facts, &doc, &members, err);

        if (r == 0 && whole)
                r = sha256_new(&stream, err);
        if (r == 0)
                r = output_drain(writer->output, err);
        if (r == 0)
                r = digest_and_sync(writer, doc, members, progress, stream, &digested, err);
        follower_freep(&writer->follower);
        writer->follower = NULL;
        if (r == 0)
                r = json_write(doc, true, &text, err);
        if (r == 0)
                r = archive_writer_add(writer, ARCHIVE_FACTS_NAME, 0600, buffer_slice(&text), err);
        if (r == 0)
                r = index_add(writer, err);
        if (r == 0 && whole)
                r = whole_finish(writer, stream, digested, whole, err);
        if (r < 0)
                return r;
        if (fsync(file_writer_fd(writer->file)) < 0)
                return error_errno(err, errno, "write `%s` to disk", writer->path);
        writer->sealed = true;
        return 0;
}
