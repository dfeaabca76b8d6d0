/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/pool.h"

#define CONNECTIONS      4
#define REQUEST_BYTES    (64 * MIB) /* of one request, at most; at least one chunk */
#define BLOCK            (1 * MIB)  /* written at once */
#define PAUSE_FIRST_MS   100        /* after a break, then twice as long each time */
#define PAUSE_LONGEST_MS 3000
#define SECOND_US        1000000

struct fetch {
        struct peer *peer;
        int fd;
        const struct fetch_options *options;
        struct fetch_result *result;
        pthread_mutex_t lock; /* of all below */
        uint8_t *states;      /* of the chunks: enum chunk_state */
        size_t next;          /* all before it are taken or complete */
        uint64_t complete;    /* bytes */
        uint64_t moved_us;    /* when the last byte came */
        int ret;              /* of the first failure that does not pass */
        struct error err;
};

enum chunk_state { CHUNK_MISSING, CHUNK_TAKEN, CHUNK_COMPLETE };

/* Chunks that are asked for together, and how far they have come. */
struct range {
        struct fetch *fetch;
        struct sha256_stream *stream;
        uint8_t *block;
        size_t used;       /* of the block */
        size_t chunk, end; /* the one that comes now; the first that is not in it */
        uint64_t in_chunk; /* bytes of it that came */
};

/* --- what is there already --------------------------------------------------------------------------------
 */

/* Where nothing was ever written, nothing needs to be read. */
static bool has_data(const struct fetch *fetch, size_t index)
{
        const struct chunk_list *list = fetch->options->list;
        off_t start = (off_t)(index * list->chunk_size), data = lseek(fetch->fd, start, SEEK_DATA);

        return data < 0 ? errno != ENXIO : (uint64_t)data < (uint64_t)start + chunk_list_size_at(list, index);
}

static int chunk_matches(const struct fetch *fetch, size_t index, struct sha256_stream *stream,
                         uint8_t *block, struct error *err)
{
        const struct chunk_list *list = fetch->options->list;
        uint64_t at = index * list->chunk_size, left = chunk_list_size_at(list, index);
        struct sha256 digest;
        int ret = 0;

        while (left && ret == 0) {
                size_t want = left < BLOCK ? (size_t)left : BLOCK;
                ssize_t n = file_pread_full(fetch->fd, block, want, at);

                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read what was fetched before");
                ret = sha256_update(stream, block, (size_t)n);
                at += want;
                left -= want;
        }
        if (ret == 0)
                ret = sha256_finish(stream, &digest);
        if (ret < 0)
                return error_errno(err, -ret, "cannot hash what was fetched before");
        return sha256_equal(&digest, &list->digests[index]);
}

static int find_complete(struct fetch *fetch, struct error *err)
{
        const struct chunk_list *list = fetch->options->list;
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        _cleanup_free_ uint8_t *block = malloc(BLOCK);
        int ret = block ? sha256_new(&stream, err) : error_oom(err);

        for (size_t i = 0; i < list->count && ret >= 0; i++) {
                if (progress_cancelled(fetch->options->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
                if (!has_data(fetch, i))
                        continue;
                ret = chunk_matches(fetch, i, stream, block, err);
                if (ret <= 0)
                        continue;
                fetch->states[i] = CHUNK_COMPLETE;
                fetch->complete += chunk_list_size_at(list, i);
        }
        fetch->result->kept = fetch->complete;
        return ret < 0 ? ret : 0;
}

/* --- what comes -------------------------------------------------------------------------------------------
 */

static int write_block(struct range *range, struct error *err)
{
        struct fetch *fetch = range->fetch;
        uint64_t at = range->chunk * fetch->options->list->chunk_size + range->in_chunk - range->used;
        int ret = file_pwrite_full(fetch->fd, range->block, range->used, at);

        if (ret < 0)
                return error_errno(err, -ret, "cannot write what comes from `%s`", peer_name(fetch->peer));
        ret = sha256_update(range->stream, range->block, range->used);
        if (ret < 0)
                return error_errno(err, -ret, "cannot hash what comes from `%s`", peer_name(fetch->peer));
        /* The disk begins now, not when everything is there; the pages stay for the verification. */
        (void)sync_file_range(fetch->fd, (off_t)at, (off_t)range->used, SYNC_FILE_RANGE_WRITE);
        range->used = 0;
        return 0;
}

static void note_complete(struct fetch *fetch, size_t index)
{
        const struct fetch_options *options = fetch->options;
        uint64_t size = chunk_list_size_at(options->list, index);

        pthread_mutex_lock(&fetch->lock);
        fetch->states[index] = CHUNK_COMPLETE;
        fetch->complete += size;
        if (options->wrote)
                options->wrote(options->context, size);
        progress_step(options->progress, "transfer", fetch->complete, options->list->size);
        pthread_mutex_unlock(&fetch->lock);
}

static int end_chunk(struct range *range, struct error *err)
{
        struct fetch *fetch = range->fetch;
        const struct chunk_list *list = fetch->options->list;
        struct sha256 digest;
        int ret = write_block(range, err);

        if (ret < 0)
                return ret;
        ret = sha256_finish(range->stream, &digest);
        if (ret < 0)
                return error_errno(err, -ret, "cannot hash what comes from `%s`", peer_name(fetch->peer));
        if (!sha256_equal(&digest, &list->digests[range->chunk]))
                return peer_chunk_is_bad(fetch->peer, fetch->options->checkpoint, list, range->chunk, err);
        note_complete(fetch, range->chunk);
        range->chunk++;
        range->in_chunk = 0;
        return 0;
}

static int take_bytes(void *context, struct slice bytes, struct error *err)
{
        struct range *range = context;
        struct fetch *fetch = range->fetch;
        int ret;

        pthread_mutex_lock(&fetch->lock);
        fetch->result->fetched += bytes.size;
        fetch->moved_us = clock_monotonic_us();
        ret = fetch->ret; /* of another connection: then this one ends, too */
        pthread_mutex_unlock(&fetch->lock);
        while (bytes.size && ret == 0) {
                uint64_t left = chunk_list_size_at(fetch->options->list, range->chunk) - range->in_chunk;
                size_t room = BLOCK - range->used, part = bytes.size < room ? bytes.size : room;
                struct slice piece = {0};

                slice_take(&bytes, part < left ? part : (size_t)left, &piece);
                memcpy(range->block + range->used, piece.data, piece.size);
                range->used += piece.size;
                range->in_chunk += piece.size;
                if (piece.size == left)
                        ret = end_chunk(range, err);
                else if (range->used == BLOCK)
                        ret = write_block(range, err);
        }
        return ret;
}

/* --- one connection ---------------------------------------------------------------------------------------
 */

/* The next chunks that are missing, side by side. False: there are none, or something failed. */
static bool take_range(struct fetch *fetch, struct range *range)
{
        const struct chunk_list *list = fetch->options->list;
        size_t most = (size_t)(REQUEST_BYTES / list->chunk_size), count = 0;

        pthread_mutex_lock(&fetch->lock);
        while (fetch->next < list->count && fetch->states[fetch->next] != CHUNK_MISSING)
                fetch->next++;
        range->chunk = fetch->next;
        while (fetch->ret == 0 && range->chunk + count < list->count && count < (most ?: 1) &&
               fetch->states[range->chunk + count] == CHUNK_MISSING)
                fetch->states[range->chunk + count++] = CHUNK_TAKEN;
        range->end = range->chunk + count;
        range->in_chunk = range->used = 0;
        pthread_mutex_unlock(&fetch->lock);
        return count > 0;
}

/* What did not come of it is anybody's again. */
static void give_back(struct fetch *fetch, const struct range *range)
{
        pthread_mutex_lock(&fetch->lock);
        for (size_t i = range->chunk; i < range->end; i++)
                fetch->states[i] = CHUNK_MISSING;
        if (range->chunk < fetch->next)
                fetch->next = range->chunk;
        pthread_mutex_unlock(&fetch->lock);
}

static int read_range(struct fetch *fetch, struct range *range, struct error *err)
{
        const struct chunk_list *list = fetch->options->list;
        uint64_t offset = range->chunk * list->chunk_size, end = range->end * list->chunk_size;
        int ret;

        end = end < list->size ? end : list->size;
        /* A stream that a break left in the middle of a chunk would go on there. */
        sha256_free(steal_ptr(range->stream));
        ret = sha256_new(&range->stream, err);
        return ret < 0 ? ret
                       : peer_read(fetch->peer, fetch->options->checkpoint, offset, end - offset, take_bytes,
                                   range, err);
}

static bool is_patient(struct fetch *fetch)
{
        uint64_t patience = (fetch->options->patience_seconds ?: FETCH_PATIENCE) * (uint64_t)SECOND_US;
        bool is_over;

        pthread_mutex_lock(&fetch->lock);
        is_over = fetch->ret < 0 || clock_monotonic_us() - fetch->moved_us >= patience;
        pthread_mutex_unlock(&fetch->lock);
        return !is_over && !progress_cancelled(fetch->options->progress);
}

/* False when it is better to give up. */
static bool pause_after(struct fetch *fetch, unsigned breaks)
{
        unsigned ms = PAUSE_FIRST_MS << (breaks < 5 ? breaks : 5);
        struct timespec time = {.tv_nsec = PAUSE_FIRST_MS * 1000000L};

        for (ms = ms < PAUSE_LONGEST_MS ? ms : PAUSE_LONGEST_MS; ms > 0; ms -= PAUSE_FIRST_MS) {
                if (!is_patient(fetch))
                        return false;
                nanosleep(&time, NULL);
        }
        return true;
}

static void fail(struct fetch *fetch, int ret, const struct error *err)
{
        pthread_mutex_lock(&fetch->lock);
        if (fetch->ret == 0) {
                fetch->ret = ret;
                fetch->err = *err;
        }
        pthread_mutex_unlock(&fetch->lock);
}

static void work(struct fetch *fetch, struct range *range)
{
        unsigned breaks = 0;

        while (take_range(fetch, range)) {
                struct error err = {0};
                size_t first = range->chunk;
                int ret = read_range(fetch, range, &err);

                if (ret == 0) {
                        breaks = 0;
                        continue;
                }
                give_back(fetch, range);
                breaks = range->chunk > first ? 0 : breaks + 1;
                if (!peer_error_is_passing(ret, &err) || !pause_after(fetch, breaks)) {
                        if (progress_cancelled(fetch->options->progress))
                                ret = error_set(&err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
                        fail(fetch, ret, &err);
                        return;
                }
                pthread_mutex_lock(&fetch->lock);
                fetch->result->breaks++;
                pthread_mutex_unlock(&fetch->lock);
        }
}

static void connection_run(void *argument)
{
        struct fetch *fetch = argument;
        struct range range = {.fetch = fetch, .block = malloc(BLOCK)};
        struct error err = {0};

        if (range.block)
                work(fetch, &range);
        else
                fail(fetch, error_oom(&err), &err);
        sha256_free(range.stream);
        free(range.block);
}

static int run_connections(struct fetch *fetch, struct error *err)
{
        unsigned connections = fetch->options->connections ?: CONNECTIONS;
        struct pool *pool;
        int ret = pool_new(connections, 1, &pool, err);

        if (ret < 0)
                return ret;
        for (unsigned i = 0; i < connections; i++)
                pool_submit(pool, connection_run, fetch);
        pool_free(pool); /* waits */
        if (fetch->ret < 0 && err)
                *err = fetch->err;
        return fetch->ret;
}

int fetch_archive(struct peer *peer, int fd, const struct fetch_options *options, struct fetch_result *out,
                  struct error *err)
{
        _cleanup_free_ uint8_t *states = calloc(options->list->count ?: 1, 1);
        struct fetch fetch = {.peer = peer,
                              .fd = fd,
                              .options = options,
                              .result = out,
                              .states = states,
                              .lock = PTHREAD_MUTEX_INITIALIZER};
        int ret;

        *out = (struct fetch_result){0};
        if (!states)
                return error_oom(err);
        ret = find_complete(&fetch, err);
        if (ret == 0 && ftruncate(fd, (off_t)options->list->size) < 0)
                ret = error_errno(err, errno, "cannot make a file of %llu bytes",
                                  (unsigned long long)options->list->size);
        if (ret < 0)
                return ret;
        progress_step(options->progress, "transfer", fetch.complete, options->list->size);
        fetch.moved_us = clock_monotonic_us();
        return run_connections(&fetch, err);
}
