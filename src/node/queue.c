/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs in memory, and the threads that work on them. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include "node/node_private.h"

#define KEEP_OPERATIONS 10000
#define TRIM_EVERY      256
#define WORKER_STACK    (1 * MIB)

int queue_append(struct node *node, struct job *job, struct error *err)
{
        if (node->job_count == node->job_room) {
                size_t room = node->job_room ? node->job_room * 2 : 16;
                struct job **grown = reallocarray(node->jobs, room, sizeof(struct job *));

                if (!grown)
                        return error_oom(err);
                node->jobs = grown;
                node->job_room = room;
        }
        node->jobs[node->job_count++] = job;
        job_changed(job);
        pthread_cond_signal(&node->work);
        return 0;
}

void queue_remove(struct node *node, struct job *job)
{
        struct ended *ended = &node->ended[node->ended_count++ % ENDED_MOST];
        size_t i = 0;

        memcpy(ended->id, job->operation->id, sizeof(ended->id));
        ended->version = job->version;
        while (node->jobs[i] != job)
                i++;
        memmove(&node->jobs[i], &node->jobs[i + 1], (--node->job_count - i) * sizeof(struct job *));
        job_free(job);
}

struct job *queue_find(struct node *node, const char *id)
{
        for (size_t i = 0; i < node->job_count; i++)
                if (strcmp(node->jobs[i]->operation->id, id) == 0)
                        return node->jobs[i];
        return NULL;
}

static bool has_key(const struct job *job, const char *key)
{
        const char *at = (const char *)job->keys.data, *end = at + job->keys.size;

        for (; at < end; at += strlen(at) + 1)
                if (strcmp(at, key) == 0)
                        return true;
        return false;
}

bool queue_uses(struct node *node, const char *key)
{
        /* Of one that has ended, the end is seen before it has left: what is asked for then must not be in
         * its way. */
        for (size_t i = 0; i < node->job_count; i++)
                if (node->jobs[i]->operation->phase < PHASE_DONE && has_key(node->jobs[i], key))
                        return true;
        return false;
}

/* Whether nobody who runs needs what the job at `index` needs, and nobody who came before it and is as
 * important waits for that: who needs much is not overtaken for ever by those who need a part of it. */
static bool is_free(struct node *node, size_t index)
{
        const struct job *job = node->jobs[index];
        const char *at = (const char *)job->keys.data, *end = at + job->keys.size;

        for (; at < end; at += strlen(at) + 1)
                for (size_t i = 0; i < node->job_count; i++) {
                        const struct job *other = node->jobs[i];
                        bool before = other->state == JOB_WAITING && i < index &&
                                      other->operation->priority >= job->operation->priority;

                        if ((other->state == JOB_TAKEN || before) && has_key(other, at))
                                return false;
                }
        return true;
}

/* The most important of those that can be worked on; of equals, the first that came. */
static struct job *queue_next(struct node *node)
{
        struct job *best = NULL;

        for (size_t i = 0; i < node->job_count; i++) {
                struct job *job = node->jobs[i];

                if (job->state == JOB_WAITING &&
                    (!best || job->operation->priority > best->operation->priority) && is_free(node, i))
                        best = job;
        }
        return best;
}

void queue_save_ended(struct node *node)
{
        bool saved = true;

        pthread_mutex_lock(&node->lock);
        while (saved && node->ended_unsaved) {
                struct job *job = NULL;

                for (size_t i = 0; !job && i < node->job_count; i++)
                        if (node->jobs[i]->state == JOB_UNSAVED)
                                job = node->jobs[i];
                if (!job)
                        break;
                job->state = JOB_TAKEN;
                node->ended_unsaved--;
                pthread_mutex_unlock(&node->lock);
                saved = catalog_put_operation(node->catalog, job->operation, NULL) == 0;
                pthread_mutex_lock(&node->lock);
                if (saved) {
                        queue_remove(node, job);
                } else {
                        job->state = JOB_UNSAVED;
                        node->ended_unsaved++;
                }
        }
        pthread_mutex_unlock(&node->lock);
}

static void run(struct job *job)
{
        struct node *node = job->node;
        struct error err = {0};
        int r;

        pthread_mutex_lock(&node->lock);
        job->operation->started_ns = clock_realtime_ns();
        pthread_mutex_unlock(&node->lock);
        r = job->kind->run(job, &err);
        /* The journal has where it is; the next agent finds that. */
        if (r < 0 && job_is_suspended(job))
                return;
        job_finish(job, r, &err);
}

static void *worker_main(void *argument)
{
        struct node *node = argument;
        unsigned count = 0;

        pthread_mutex_lock(&node->lock);
        for (;;) {
                struct job *job = node->stopping ? NULL : queue_next(node);

                if (!job) {
                        if (node->stopping)
                                break;
                        pthread_cond_wait(&node->work, &node->lock);
                        continue;
                }
                job->state = JOB_TAKEN;
                node->waiting--;
                node->running++;
                pthread_mutex_unlock(&node->lock);
                run(job);
                if (++count % TRIM_EVERY == 0)
                        (void)catalog_trim_operations(node->catalog, KEEP_OPERATIONS, NULL);
                /* What one job took from the heap is not needed until the next. */
                malloc_trim(0);
                pthread_mutex_lock(&node->lock);
                node->running--;
                pthread_cond_broadcast(&node->changed);
        }
        pthread_mutex_unlock(&node->lock);
        return NULL;
}

int queue_start(struct node *node, struct error *err)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        int r = 0;

        node->workers = calloc(node->options.parallel, sizeof(*node->workers));
        if (!node->workers)
                return error_oom(err);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, WORKER_STACK);
        /* Signals are for the program's own threads. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        while (r == 0 && node->worker_count < node->options.parallel) {
                r = pthread_create(&node->workers[node->worker_count], &attributes, worker_main, node);
                node->worker_count += r == 0;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return r ? error_errno(err, r, "start a worker thread") : 0;
}

/* What goes on after the next start does not end with this agent. The node's lock must be held. */
static void suspend(struct node *node)
{
        for (size_t i = 0; i < node->job_count; i++)
                if (node->jobs[i]->kind->goes_on)
                        atomic_store(&node->jobs[i]->suspended, true);
}

/* The first that waits and would not go on, in our hand. The node's lock must be held. */
static struct job *take_waiting(struct node *node)
{
        for (size_t i = 0; i < node->job_count; i++)
                if (node->jobs[i]->state == JOB_WAITING && !node->jobs[i]->suspended) {
                        node->jobs[i]->state = JOB_TAKEN;
                        node->waiting--;
                        return node->jobs[i];
                }
        return NULL;
}

static void cancel_waiting(struct node *node)
{
        struct error why;
        struct job *job;

        (void)error_set(&why, &ERROR_CANCELLED, -ECANCELED, "cancelled: the agent ends");
        pthread_mutex_lock(&node->lock);
        node->stopping = true;
        suspend(node);
        pthread_cond_broadcast(&node->work);
        while ((job = take_waiting(node))) {
                pthread_mutex_unlock(&node->lock);
                job_finish(job, -ECANCELED, &why);
                pthread_mutex_lock(&node->lock);
        }
        pthread_mutex_unlock(&node->lock);
}

static void wait_running(struct node *node, unsigned seconds)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        while (node->running && pthread_cond_timedwait(&node->changed, &node->lock, &until) != ETIMEDOUT)
                ;
}

void queue_stop(struct node *node, unsigned seconds)
{
        cancel_waiting(node);
        pthread_mutex_lock(&node->lock);
        wait_running(node, seconds);
        for (size_t i = 0; i < node->job_count; i++)
                if (!node->jobs[i]->suspended)
                        atomic_store(&node->jobs[i]->cancelled, true);
        pthread_mutex_unlock(&node->lock);
        for (; node->worker_count > 0; node->worker_count--)
                pthread_join(node->workers[node->worker_count - 1], NULL);
        queue_save_ended(node);
        pthread_mutex_lock(&node->lock);
        node->stopped = true;
        pthread_cond_broadcast(&node->changed);
        pthread_mutex_unlock(&node->lock);
}
