/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#define SLOTS     4
#define SLOT_SIZE (128 * KIB)

struct hash_thread {
        struct sha256_stream *hash;
        pthread_t thread;
        pthread_mutex_t
                lock; /* of what follows, but not of the bytes of slots: they have one user at a time */
        pthread_cond_t changed;
        unsigned filled, done; /* slots so far */
        bool ending;
        int status;
        size_t sizes[SLOTS];
        size_t room; /* taken of the slot that is being filled; the appending thread's */
        uint8_t slots[SLOTS][SLOT_SIZE];
};

static void *run(void *argument)
{
        struct hash_thread *thread = argument;

        pthread_mutex_lock(&thread->lock);
        for (;;) {
                unsigned slot = thread->done % SLOTS;
                int ret;

                while (thread->done == thread->filled && !thread->ending)
                        pthread_cond_wait(&thread->changed, &thread->lock);
                if (thread->done == thread->filled)
                        break;
                pthread_mutex_unlock(&thread->lock);
                ret = sha256_update(thread->hash, thread->slots[slot], thread->sizes[slot]);
                pthread_mutex_lock(&thread->lock);
                thread->status = thread->status ?: ret;
                thread->done++;
                pthread_cond_broadcast(&thread->changed);
        }
        pthread_mutex_unlock(&thread->lock);
        return NULL;
}

static int start(struct hash_thread *thread)
{
        sigset_t all, before;
        int ret;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ret = pthread_create(&thread->thread, NULL, run, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -ret;
}

int hash_thread_new(struct sha256_stream *hash, struct hash_thread **out, struct error *err)
{
        _cleanup_free_ struct hash_thread *thread = malloc(sizeof(*thread));
        int ret;

        if (!thread)
                return error_oom(err);
        thread->hash = hash;
        thread->filled = thread->done = 0;
        thread->ending = false;
        thread->status = 0;
        thread->room = 0;
        pthread_mutex_init(&thread->lock, NULL);
        pthread_cond_init(&thread->changed, NULL);
        ret = start(thread);
        if (ret < 0)
                return error_errno(err, -ret, "cannot start a thread");
        *out = steal_ptr(thread);
        return 0;
}

static void hand_over(struct hash_thread *thread)
{
        pthread_mutex_lock(&thread->lock);
        thread->sizes[thread->filled % SLOTS] = thread->room;
        thread->filled++;
        pthread_cond_broadcast(&thread->changed);
        while (thread->filled - thread->done == SLOTS)
                pthread_cond_wait(&thread->changed, &thread->lock);
        pthread_mutex_unlock(&thread->lock);
        thread->room = 0;
}

void hash_thread_append(struct hash_thread *thread, struct slice bytes)
{
        while (bytes.size) {
                size_t part = SLOT_SIZE - thread->room < bytes.size ? SLOT_SIZE - thread->room : bytes.size;
                struct slice taken;

                (void)slice_take(&bytes, part, &taken);
                memcpy(thread->slots[thread->filled % SLOTS] + thread->room, taken.data, taken.size);
                thread->room += taken.size;
                if (thread->room == SLOT_SIZE)
                        hand_over(thread);
        }
}

int hash_thread_free(struct hash_thread *thread)
{
        int ret;

        if (thread->room)
                hand_over(thread);
        pthread_mutex_lock(&thread->lock);
        thread->ending = true;
        pthread_cond_broadcast(&thread->changed);
        pthread_mutex_unlock(&thread->lock);
        pthread_join(thread->thread, NULL);
        ret = thread->status;
        pthread_cond_destroy(&thread->changed);
        pthread_mutex_destroy(&thread->lock);
        free(thread);
        return ret;
}
