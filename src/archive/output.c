/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/output.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/digest.h"
#include "base/file.h"
#include "base/pool.h"

enum {
        PLAIN_BLOCKS = 8,
        /* So small that a block is still in the processor's cache when it is written: with 1 MiB each, taking
         * in 1 GiB took 0.9 s instead of 0.5 s. */
        PLAIN_BLOCK_SIZE = 256 * 1024,
        PACKED_BLOCKS = 4, /* each takes as much again for its compressed form */
        PACKED_BLOCK_SIZE = 4 * 1024 * 1024
};

enum block_state {
        BLOCK_EMPTY, /* the caller's to fill, or waiting to be */
        BLOCK_PACKING,
        BLOCK_READY
};

struct block {
        struct output *output;
        enum block_state state;
        bool stored;
        uint8_t *data;
        size_t size;
        uint64_t stream; /* offset of its first byte */
        struct buffer packed;
        uint32_t crc; /* of `packed` */
};

struct output {
        int fd;
        const char *path;
        enum compression compression;
        int level;
        size_t block_size;
        unsigned block_count;
        struct block blocks[PLAIN_BLOCKS];
        unsigned filling; /* the caller's block */
        uint64_t stream;
        struct pool *pool; /* NULL when plain */

        pthread_t thread;
        bool thread_started;
        pthread_mutex_t lock; /* for all below and the states of blocks */
        pthread_cond_t changed;
        unsigned writing; /* the next block to be written */
        unsigned pending; /* blocks submitted and not yet written */
        bool closing;
        struct error failure;
        int failed;               /* negative errno */
        _Atomic uint64_t written; /* changed by the thread, read by anybody without the lock */
        struct archive_index frames;
};

/* Remembers the first failure. */
static void output_fail(struct output *output, int r, const struct error *err)
{
        pthread_mutex_lock(&output->lock);
        if (output->failed == 0) {
                output->failed = r;
                output->failure = *err;
        }
        pthread_cond_broadcast(&output->changed);
        pthread_mutex_unlock(&output->lock);
}

/* With the lock held. */
static int output_report(const struct output *output, struct error *err)
{
        if (output->failed < 0 && err)
                *err = output->failure;
        return output->failed;
}

static int block_pack(struct block *block, struct error *err)
{
        struct output *output = block->output;
        struct slice in = {block->data, block->size};

        block->packed.size = 0;
        if (!block->stored)
                return frame_compress(output->compression, output->level, in, &block->packed, err);

        size_t size = frame_stored_size(output->compression, in.size);
        if (buffer_reserve(&block->packed, size) < 0)
                return error_oom(err);
        frame_stored(output->compression, in, block->packed.data);
        block->packed.size = size;
        return 0;
}

static void block_pack_job(void *argument)
{
        struct block *block = argument;
        struct output *output = block->output;
        struct error err = {0};
        int r = block_pack(block, &err);

        if (r < 0)
                output_fail(output, r, &err);
        block->crc = crc32c_update(0, block->packed.data, block->packed.size);
        pthread_mutex_lock(&output->lock);
        block->state = BLOCK_READY;
        pthread_cond_broadcast(&output->changed);
        pthread_mutex_unlock(&output->lock);
}

static int block_write(struct output *output, struct block *block, struct error *err)
{
        struct slice bytes =
                output->pool ? buffer_slice(&block->packed) : (struct slice){block->data, block->size};
        uint64_t offset = output->written;
        int r = file_pwrite_full(output->fd, bytes.data, bytes.size, offset);

        /* No write-back is forced here: it would block this thread, and with it a frozen container.
         * `follower` starts it. */
        if (r < 0)
                return error_errno(err, -r, "write `%s`", output->path);
        output->written += bytes.size;
        pthread_mutex_lock(&output->lock);
        if (output->pool)
                r = archive_index_add_frame(&output->frames, block->stream, offset, block->crc);
        pthread_mutex_unlock(&output->lock);
        return r < 0 ? error_oom(err) : 0;
}

/* After a failure blocks are still taken, and thrown away, so that nobody waits for ever. */
static void *output_thread(void *argument)
{
        struct output *output = argument;

        pthread_mutex_lock(&output->lock);
        for (;;) {
                struct block *block = &output->blocks[output->writing];
                struct error err = {0};
                bool failed;
                int r;

                while (block->state != BLOCK_READY && !output->closing)
                        pthread_cond_wait(&output->changed, &output->lock);
                if (block->state != BLOCK_READY)
                        break;
                failed = output->failed < 0 || output->closing;
                pthread_mutex_unlock(&output->lock);

                r = failed ? 0 : block_write(output, block, &err);
                if (r < 0)
                        output_fail(output, r, &err);

                pthread_mutex_lock(&output->lock);
                block->size = 0;
                block->stored = false;
                block->state = BLOCK_EMPTY;
                output->pending--;
                output->writing = (output->writing + 1) % output->block_count;
                pthread_cond_broadcast(&output->changed);
        }
        pthread_mutex_unlock(&output->lock);
        return NULL;
}

int output_new(int fd, const char *path, enum compression compression, int level, struct output **out,
               struct error *err)
{
        _cleanup_output_ struct output *output = calloc(1, sizeof(*output));
        bool plain = compression == COMPRESSION_NONE;
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        int r;

        if (!output)
                return error_oom(err);
        output->fd = fd;
        output->path = path;
        output->compression = compression;
        output->level = level;
        output->block_size = plain ? PLAIN_BLOCK_SIZE : PACKED_BLOCK_SIZE;
        output->block_count = plain ? PLAIN_BLOCKS : PACKED_BLOCKS;
        for (unsigned i = 0; i < output->block_count; i++)
                output->blocks[i].output = output;
        pthread_mutex_init(&output->lock, NULL);
        pthread_cond_init(&output->changed, NULL);
        if (!plain) {
                unsigned threads = processors < PACKED_BLOCKS - 1 ? (unsigned)processors : PACKED_BLOCKS - 1;

                r = pool_new(threads, PACKED_BLOCKS, &output->pool, err);
                if (r < 0)
                        return r;
        }
        r = pthread_create(&output->thread, NULL, output_thread, output);
        if (r)
                return error_errno(err, r, "start a thread that writes `%s`", path);
        output->thread_started = true;
        *out = steal_ptr(output);
        return 0;
}

void output_free(struct output *output)
{
        pool_free(output->pool);
        pthread_mutex_lock(&output->lock);
        output->closing = true;
        pthread_cond_broadcast(&output->changed);
        pthread_mutex_unlock(&output->lock);
        if (output->thread_started)
                pthread_join(output->thread, NULL);
        for (unsigned i = 0; i < output->block_count; i++) {
                free(output->blocks[i].data);
                buffer_free(&output->blocks[i].packed);
        }
        archive_index_free(&output->frames);
        pthread_cond_destroy(&output->changed);
        pthread_mutex_destroy(&output->lock);
        free(output);
}

/* The caller's block, once it is empty; with memory and a place in the stream. */
static int block_acquire(struct output *output, struct block **out, struct error *err)
{
        struct block *block = &output->blocks[output->filling];
        int r;

        pthread_mutex_lock(&output->lock);
        while (block->state != BLOCK_EMPTY && output->failed == 0)
                pthread_cond_wait(&output->changed, &output->lock);
        r = output_report(output, err);
        pthread_mutex_unlock(&output->lock);
        if (r < 0)
                return r;
        if (!block->data && !(block->data = malloc(output->block_size)))
                return error_oom(err);
        if (block->size == 0)
                block->stream = output->stream;
        *out = block;
        return 0;
}

/* Passes the caller's block on. */
static void block_submit(struct output *output, struct block *block)
{
        output->filling = (output->filling + 1) % output->block_count;
        pthread_mutex_lock(&output->lock);
        output->pending++;
        block->state = output->pool ? BLOCK_PACKING : BLOCK_READY;
        pthread_cond_broadcast(&output->changed);
        pthread_mutex_unlock(&output->lock);
        if (output->pool)
                pool_submit(output->pool, block_pack_job, block);
}

int output_room(struct output *output, uint8_t **data, size_t *size, struct error *err)
{
        struct block *block;
        int r = block_acquire(output, &block, err);

        if (r < 0)
                return r;
        *data = block->data + block->size;
        *size = output->block_size - block->size;
        return 0;
}

void output_advance(struct output *output, size_t size)
{
        struct block *block = &output->blocks[output->filling];

        block->size += size;
        output->stream += size;
        if (block->size == output->block_size)
                block_submit(output, block);
}

int output_append(struct output *output, const void *data, size_t size, struct error *err)
{
        const uint8_t *from = data;

        while (size > 0) {
                uint8_t *to;
                size_t room;
                int r = output_room(output, &to, &room, err);

                if (r < 0)
                        return r;
                if (room > size)
                        room = size;
                memcpy(to, from, room);
                output_advance(output, room);
                from += room;
                size -= room;
        }
        return 0;
}

int output_cut(struct output *output, struct error *err)
{
        struct block *block;
        int r = block_acquire(output, &block, err);

        if (r == 0 && block->size > 0)
                block_submit(output, block);
        return r;
}

int output_append_stored(struct output *output, struct slice bytes, struct error *err)
{
        struct block *block;
        int r;

        if (!output->pool)
                return output_append(output, bytes.data, bytes.size, err);
        r = output_cut(output, err);
        if (r == 0)
                r = block_acquire(output, &block, err);
        if (r < 0)
                return r;
        memcpy(block->data, bytes.data, bytes.size);
        block->size = bytes.size;
        block->stored = true;
        output->stream += bytes.size;
        block_submit(output, block);
        return 0;
}

/* The frame that starts at `stream`. */
static struct archive_index_frame *frame_find(const struct archive_index *frames, uint64_t stream)
{
        size_t low = 0, high = frames->frame_count;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (frames->frames[middle].stream <= stream)
                        low = middle;
                else
                        high = middle;
        }
        return &frames->frames[low];
}

int output_replace_stored(struct output *output, uint64_t stream, struct slice bytes, struct error *err)
{
        size_t size = frame_stored_size(output->compression, bytes.size);
        _cleanup_free_ uint8_t *frame = malloc(size);
        int r = output_drain(output, err);

        if (r < 0)
                return r;
        if (!frame)
                return error_oom(err);
        frame_stored(output->compression, bytes, frame);
        if (output->pool) { /* drained: nobody else touches the frames */
                struct archive_index_frame *listed = frame_find(&output->frames, stream);

                listed->crc = crc32c_update(0, frame, size);
                stream = listed->file;
        }
        r = file_pwrite_full(output->fd, frame, size, stream);
        return r < 0 ? error_errno(err, -r, "write `%s`", output->path) : 0;
}

int output_drain(struct output *output, struct error *err)
{
        int r = output_cut(output, err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&output->lock);
        while (output->pending > 0 && output->failed == 0)
                pthread_cond_wait(&output->changed, &output->lock);
        r = output_report(output, err);
        pthread_mutex_unlock(&output->lock);
        return r;
}

uint64_t output_stream(const struct output *output)
{
        return output->stream;
}

uint64_t output_written(const struct output *output)
{
        return output->written;
}

const struct archive_index *output_frames(const struct output *output)
{
        return &output->frames;
}
