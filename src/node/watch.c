/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as others see them while they go on. */
#include <errno.h>
#include "node/node_private.h"

int node_operation(struct node *node, const char *id, struct operation **out, struct error *err)
{
        struct job *job;
        int r = 0;

        pthread_mutex_lock(&node->lock);
        job = queue_find(node, id);
        if (job)
                r = operation_copy(job->operation, out, err);
        pthread_mutex_unlock(&node->lock);
        return job || r < 0 ? r : catalog_get_operation(node->catalog, id, out, err);
}

/* The oldest news since `version`: a live job, or the id of one that has ended. */
struct news {
        struct job *job;
        const struct ended *ended;
        uint64_t version;
};

static bool is_asked(const char *asked, const char *id)
{
        return !asked || strcmp(asked, id) == 0;
}

static bool news_find(struct node *node, const char *id, uint64_t version, struct news *out)
{
        uint64_t kept = node->ended_count < ENDED_MOST ? node->ended_count : ENDED_MOST;

        *out = (struct news){.version = UINT64_MAX};
        for (size_t i = 0; i < node->job_count; i++) {
                struct job *job = node->jobs[i];

                if (job->version > version && job->version < out->version && is_asked(id, job->operation->id))
                        *out = (struct news){.job = job, .version = job->version};
        }
        for (uint64_t i = 0; i < kept; i++) {
                const struct ended *ended = &node->ended[i];

                if (ended->version > version && ended->version < out->version && is_asked(id, ended->id))
                        *out = (struct news){.ended = ended, .version = ended->version};
        }
        return out->job || out->ended;
}

/* Copies what is new. One that has ended is read without the lock. */
static int news_take(struct node *node, const struct news *news, struct operation **out, struct error *err)
{
        char id[UNIQUE_ID_SIZE];
        int r;

        if (news->job)
                return operation_copy(news->job->operation, out, err);
        memcpy(id, news->ended->id, sizeof(id));
        pthread_mutex_unlock(&node->lock);
        r = catalog_get_operation(node->catalog, id, out, err);
        pthread_mutex_lock(&node->lock);
        return r;
}

static void deadline_after(int timeout_ms, struct timespec *out)
{
        clock_gettime(CLOCK_MONOTONIC, out);
        out->tv_sec += timeout_ms / 1000;
        out->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (out->tv_nsec >= 1000000000) {
                out->tv_nsec -= 1000000000;
                out->tv_sec++;
        }
}

/* With the lock held: waits for news and takes them; `out` stays NULL at the deadline, and when the node has
 * stopped. */
static int wait_for_news(struct node *node, const char *id, uint64_t *version, int timeout_ms,
                         struct operation **out, struct error *err)
{
        struct timespec deadline;
        struct news news;
        int r = 0;

        deadline_after(timeout_ms, &deadline);
        while (!*out && r == 0) {
                if (news_find(node, id, *version, &news)) {
                        r = news_take(node, &news, out, err);
                        *version = news.version;
                        /* Forgotten meanwhile: then it is no news. */
                        r = r == -ENOENT ? 0 : r;
                } else if (node->stopped ||
                           pthread_cond_timedwait(&node->changed, &node->lock, &deadline) == ETIMEDOUT) {
                        break;
                }
        }
        return r;
}

/* One that had ended before anything that we remember. */
static int ended_long_ago(struct node *node, const char *id, uint64_t *version, struct operation **out,
                          struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        int r = node_operation(node, id, &operation, err);

        if (r < 0 || !operation_phase_is_last(operation->phase) || *version >= node->first_version)
                return r;
        *version = node->first_version;
        *out = steal_ptr(operation);
        return 0;
}

int node_watch(struct node *node, const char *id, uint64_t *version, int timeout_ms, struct operation **out,
               struct error *err)
{
        struct news news;
        bool any;
        int r = 0;

        *out = NULL;
        pthread_mutex_lock(&node->lock);
        any = news_find(node, id, *version, &news);
        pthread_mutex_unlock(&node->lock);
        if (!any && id)
                r = ended_long_ago(node, id, version, out, err);
        if (r < 0 || *out)
                return r;
        pthread_mutex_lock(&node->lock);
        r = wait_for_news(node, id, version, timeout_ms, out, err);
        pthread_mutex_unlock(&node->lock);
        return r;
}

#define WAIT_STEP_MS 60000

int node_wait(struct node *node, const char *id, struct operation **out, struct error *err)
{
        uint64_t version = 0;

        for (;;) {
                _cleanup_operation_ struct operation *operation = NULL;
                int r = node_watch(node, id, &version, WAIT_STEP_MS, &operation, err);

                if (r < 0)
                        return r;
                if (operation && operation_phase_is_last(operation->phase)) {
                        *out = steal_ptr(operation);
                        return 0;
                }
        }
}
