/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct job {
        pool_job run;
        void *argument;
};

struct pool {
        pthread_mutex_t lock;
        pthread_cond_t arrived, room, idle;
        struct job *ring; /* `waiting` jobs from `first` on */
        unsigned depth, first, waiting, running;
        bool closing;
        unsigned threads;
        pthread_t *ids;
};

static void *worker_main(void *argument)
{
        struct pool *pool = argument;

        pthread_mutex_lock(&pool->lock);
        for (;;) {
                struct job job;

                while (!pool->waiting && !pool->closing)
                        pthread_cond_wait(&pool->arrived, &pool->lock);
                if (!pool->waiting)
                        break;
                job = pool->ring[pool->first];
                pool->first = (pool->first + 1) % pool->depth;
                pool->waiting--;
                pool->running++;
                pthread_cond_signal(&pool->room);
                pthread_mutex_unlock(&pool->lock);
                job.run(job.argument);
                pthread_mutex_lock(&pool->lock);
                pool->running--;
                if (!pool->running && !pool->waiting)
                        pthread_cond_broadcast(&pool->idle);
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

unsigned pool_processors(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int pool_new(unsigned threads, unsigned depth, struct pool **out, struct error *err)
{
        _cleanup_pool_ struct pool *pool = calloc(1, sizeof(*pool));
        unsigned wanted = threads ? threads : pool_processors();

        if (!pool)
                return error_oom(err);
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->arrived, NULL);
        pthread_cond_init(&pool->room, NULL);
        pthread_cond_init(&pool->idle, NULL);
        pool->depth = depth ? depth : 1;
        pool->ring = calloc(pool->depth, sizeof(*pool->ring));
        pool->ids = calloc(wanted, sizeof(*pool->ids));
        if (!pool->ring || !pool->ids)
                return error_oom(err);
        while (pool->threads < wanted) {
                int r = pthread_create(&pool->ids[pool->threads], NULL, worker_main, pool);

                if (r)
                        return error_errno(err, r, "start a worker thread");
                pool->threads++;
        }
        *out = steal_ptr(pool);
        return 0;
}

unsigned pool_threads(const struct pool *pool)
{
        return pool->threads;
}

void pool_submit(struct pool *pool, pool_job job, void *argument)
{
        pthread_mutex_lock(&pool->lock);
        while (pool->waiting == pool->depth)
                pthread_cond_wait(&pool->room, &pool->lock);
        pool->ring[(pool->first + pool->waiting) % pool->depth] = (struct job){job, argument};
        pool->waiting++;
        pthread_cond_signal(&pool->arrived);
        pthread_mutex_unlock(&pool->lock);
}

void pool_wait(struct pool *pool)
{
        pthread_mutex_lock(&pool->lock);
        while (pool->waiting || pool->running)
                pthread_cond_wait(&pool->idle, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
        if (!pool)
                return;
        if (pool->threads)
                pool_wait(pool);
        pthread_mutex_lock(&pool->lock);
        pool->closing = true;
        pthread_cond_broadcast(&pool->arrived);
        pthread_mutex_unlock(&pool->lock);
        for (unsigned i = 0; i < pool->threads; i++)
                pthread_join(pool->ids[i], NULL);
        pthread_cond_destroy(&pool->arrived);
        pthread_cond_destroy(&pool->room);
        pthread_cond_destroy(&pool->idle);
        pthread_mutex_destroy(&pool->lock);
        free(pool->ids);
        free(pool->ring);
        free(pool);
}
