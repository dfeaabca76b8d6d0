/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/follower.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "base/file.h"

enum {
        CHUNK_SIZE = 256 * 1024, /* in the processor's cache when it is digested */
        WAKE_SIZE = 1024 * 1024, /* this much more is worth waking up for */
        FLUSH_SIZE = 8 * 1024 * 1024
};

/* A member in the file. */
struct extent {
        struct extent *_Atomic next; /* once there is one, `end` stays as it is */
        uint64_t begin;
        _Atomic uint64_t end; /* so far */
        struct member_digest digest;
};

struct follower {
        int fd;
        const char *path;
        struct output *output;
        sem_t more;
        atomic_bool closing;
        struct extent none; /* before the first */

        /* Of who writes. */
        struct extent *last;
        uint64_t fresh; /* bytes since the thread was last woken */

        /* Of the thread, until it has ended. */
        pthread_t thread;
        bool thread_started;
        struct extent *now;
        bool reading;   /* `now`, which has no digest yet */
        size_t members; /* that have */
        uint64_t position, flushed;
        uint32_t crc;
        struct sha256_stream *sha;
        uint8_t *chunk;
        int failed; /* a negative errno */
        struct error failure;
};

/* The disk begins with what is there, as far as it can without making anybody wait who writes. */
static void flush(struct follower *follower)
{
        uint64_t size = follower->position - follower->flushed;

        if (size < FLUSH_SIZE)
                return;
        (void)sync_file_range(follower->fd, (off_t)follower->flushed, (off_t)size, SYNC_FILE_RANGE_WRITE);
        follower->flushed = follower->position;
}

static int digest_chunk(struct follower *follower, size_t size)
{
        ssize_t n = file_pread_full(follower->fd, follower->chunk, size, follower->position);

        if (n < 0)
                return error_errno(&follower->failure, (int)-n, "read `%s` back", follower->path);
        if ((size_t)n < size)
                return error_set(&follower->failure, &ERROR_IO, -EIO,
                                 "`%s` is shorter than what was written to it", follower->path);
        follower->crc = crc32c_update(follower->crc, follower->chunk, size);
        if (sha256_update(follower->sha, follower->chunk, size) < 0)
                return error_oom(&follower->failure);
        follower->position += size;
        return 0;
}

static int digest_finish(struct follower *follower)
{
        struct member_digest *digest = &follower->now->digest;

        follower->reading = false;
        follower->members++;
        digest->crc = follower->crc;
        return sha256_finish(follower->sha, &digest->sha256) < 0 ? error_oom(&follower->failure) : 0;
}

/* Goes on to the next member when there is one. */
static bool digest_begin(struct follower *follower)
{
        struct extent *next = atomic_load(&follower->now->next);

        if (!next)
                return false;
        follower->now = next;
        follower->position = next->begin;
        follower->crc = 0;
        follower->reading = true;
        return true;
}

/* A chunk of a member, or its end; false when there is none now. */
static bool step(struct follower *follower)
{
        uint64_t left;
        bool ended;
        size_t size;

        if (follower->failed || (!follower->reading && !digest_begin(follower)))
                return false;
        ended = atomic_load(&follower->now->next) != NULL;
        left = atomic_load(&follower->now->end) - follower->position;
        size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
        if (ended && !left) {
                follower->failed = digest_finish(follower);
                return true;
        }
        if ((!ended && size < CHUNK_SIZE) || follower->position + size > output_written(follower->output))
                return false;
        follower->failed = digest_chunk(follower, size);
        return true;
}

static void *follower_thread(void *argument)
{
        struct follower *follower = argument;

        while (!atomic_load(&follower->closing)) {
                if (step(follower))
                        flush(follower);
                else
                        (void)sem_wait(&follower->more);
        }
        return NULL;
}

/* Where it cannot be set it takes its share like others. */
static void thread_set_policy(struct follower *follower, int policy)
{
        const struct sched_param none = {0};

        (void)pthread_setschedparam(follower->thread, policy, &none);
}

static void thread_end(struct follower *follower)
{
        if (!follower->thread_started)
                return;
        /* Whoever waits for it must not wait for a processor that nobody else wants. */
        thread_set_policy(follower, SCHED_OTHER);
        atomic_store(&follower->closing, true);
        sem_post(&follower->more);
        pthread_join(follower->thread, NULL);
        follower->thread_started = false;
}

void follower_free(struct follower *follower)
{
        struct extent *extent = follower->none.next, *next;

        thread_end(follower);
        for (; extent; extent = next) {
                next = extent->next;
                free(extent);
        }
        if (follower->sha)
                sha256_free(follower->sha);
        sem_destroy(&follower->more);
        free(follower->chunk);
        free(follower);
}
#define _cleanup_follower_ _cleanup_(follower_freep)

int follower_new(int fd, const char *path, struct output *output, struct follower **out, struct error *err)
{
        _cleanup_follower_ struct follower *follower = calloc(1, sizeof(*follower));
        int r;

        if (!follower)
                return error_oom(err);
        follower->fd = fd;
        follower->path = path;
        follower->output = output;
        follower->now = follower->last = &follower->none;
        sem_init(&follower->more, 0, 0);
        follower->chunk = malloc(CHUNK_SIZE);
        if (!follower->chunk)
                return error_oom(err);
        r = sha256_new(&follower->sha, err);
        if (r < 0)
                return r;
        r = pthread_create(&follower->thread, NULL, follower_thread, follower);
        if (r)
                return error_errno(err, r, "start a thread that reads `%s` back", path);
        follower->thread_started = true;
        thread_set_policy(follower, SCHED_IDLE);
        *out = steal_ptr(follower);
        return 0;
}

int follower_begin(struct follower *follower, uint64_t contents, struct error *err)
{
        struct extent *extent = calloc(1, sizeof(*extent));

        if (!extent)
                return error_oom(err);
        extent->begin = extent->end = contents;
        atomic_store(&follower->last->next, extent);
        follower->last = extent;
        return 0;
}

void follower_advance(struct follower *follower, size_t size)
{
        atomic_fetch_add(&follower->last->end, size);
        follower->fresh += size;
        if (follower->fresh >= WAKE_SIZE) {
                follower->fresh = 0;
                sem_post(&follower->more);
        }
}

int follower_stop(struct follower *follower, struct followed *out, struct error *err)
{
        thread_end(follower);
        *out = (struct followed){
                .members = follower->members,
                .position = follower->position,
                .crc = follower->reading ? follower->crc : 0,
                .sha = follower->sha,
        };
        follower->now = &follower->none;
        if (follower->failed && err)
                *err = follower->failure;
        return follower->failed;
}

const struct member_digest *follower_next(struct follower *follower)
{
        follower->now = follower->now->next;
        return &follower->now->digest;
}
