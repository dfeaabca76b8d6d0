/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/prefetch.h"

#include <errno.h>
#include <pthread.h>

/* One chunk is worked on while another is read; the third hides that neither runs evenly. Large chunks make
 * the two hand-overs of each one vanish. */
#define CHUNK_COUNT 3
#define CHUNK_MAX   (4 * MIB)
#define CHUNK_MIN   (64 * KIB)
/* Where how much comes is not known, it is expanded, which is slower than handing over, and takes memory
 * itself. */
#define CHUNK_EXPANDED (1 * MIB)

struct prefetch {
        struct stream *stream;
        pthread_t thread;
        bool started;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        size_t chunk_size;
        uint8_t *data[CHUNK_COUNT];
        size_t size[CHUNK_COUNT];
        unsigned long filled, taken; /* chunks so far; slot = number % CHUNK_COUNT */
        bool lent;                   /* chunk `taken - 1` is with the consumer */
        bool ended, stop;
        int ret; /* of the reader, once `ended` */
        struct error error;
};

/* Waits for a free slot. False: stop. */
static bool wait_for_room(struct prefetch *prefetch, unsigned *slot)
{
        bool stop;

        pthread_mutex_lock(&prefetch->lock);
        while (!prefetch->stop && prefetch->filled - prefetch->taken + prefetch->lent >= CHUNK_COUNT)
                pthread_cond_wait(&prefetch->changed, &prefetch->lock);
        stop = prefetch->stop;
        *slot = (unsigned)(prefetch->filled % CHUNK_COUNT);
        pthread_mutex_unlock(&prefetch->lock);
        return !stop;
}

static void *reader_main(void *argument)
{
        struct prefetch *prefetch = argument;
        unsigned slot;

        while (wait_for_room(prefetch, &slot)) {
                ssize_t n = stream_read(prefetch->stream, prefetch->data[slot], prefetch->chunk_size,
                                        &prefetch->error);

                pthread_mutex_lock(&prefetch->lock);
                if (n > 0) {
                        prefetch->size[slot] = (size_t)n;
                        prefetch->filled++;
                }
                if (n < (ssize_t)prefetch->chunk_size) {
                        prefetch->ended = true;
                        prefetch->ret = n < 0 ? (int)n : 0;
                }
                pthread_cond_signal(&prefetch->changed);
                pthread_mutex_unlock(&prefetch->lock);
                if (n < (ssize_t)prefetch->chunk_size)
                        break;
        }
        return NULL;
}

int prefetch_new(struct stream *stream, uint64_t expected, struct prefetch **out, struct error *err)
{
        _cleanup_prefetch_ struct prefetch *prefetch = calloc(1, sizeof(*prefetch));
        int ret;

        if (!prefetch) {
                stream_free(stream);
                return error_oom(err);
        }
        prefetch->stream = stream;
        prefetch->chunk_size = expected ? CHUNK_MAX : CHUNK_EXPANDED;
        if (expected && expected < CHUNK_MAX)
                prefetch->chunk_size = expected > CHUNK_MIN ? (size_t)expected : CHUNK_MIN;
        pthread_mutex_init(&prefetch->lock, NULL);
        pthread_cond_init(&prefetch->changed, NULL);
        for (unsigned i = 0; i < CHUNK_COUNT; i++)
                if (!(prefetch->data[i] = malloc(prefetch->chunk_size)))
                        return error_oom(err);
        ret = pthread_create(&prefetch->thread, NULL, reader_main, prefetch);
        if (ret)
                return error_errno(err, ret, "cannot start a thread");
        prefetch->started = true;
        *out = steal_ptr(prefetch);
        return 0;
}

int prefetch_next(struct prefetch *prefetch, struct slice *chunk, struct error *err)
{
        int ret = 1;

        pthread_mutex_lock(&prefetch->lock);
        prefetch->lent = false;
        pthread_cond_signal(&prefetch->changed);
        while (prefetch->filled == prefetch->taken && !prefetch->ended)
                pthread_cond_wait(&prefetch->changed, &prefetch->lock);
        if (prefetch->filled == prefetch->taken) {
                ret = prefetch->ret;
                if (ret < 0 && err)
                        *err = prefetch->error;
        } else {
                unsigned slot = (unsigned)(prefetch->taken++ % CHUNK_COUNT);

                *chunk = (struct slice){prefetch->data[slot], prefetch->size[slot]};
                prefetch->lent = true;
        }
        pthread_mutex_unlock(&prefetch->lock);
        return ret;
}

void prefetch_free(struct prefetch *prefetch)
{
        if (!prefetch)
                return;
        pthread_mutex_lock(&prefetch->lock);
        prefetch->stop = true;
        pthread_cond_signal(&prefetch->changed);
        pthread_mutex_unlock(&prefetch->lock);
        if (prefetch->started)
                pthread_join(prefetch->thread, NULL);
        for (unsigned i = 0; i < CHUNK_COUNT; i++)
                free(prefetch->data[i]);
        stream_free(prefetch->stream);
        pthread_mutex_destroy(&prefetch->lock);
        pthread_cond_destroy(&prefetch->changed);
        free(prefetch);
}
