/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "base/file.h"

#define DEFAULT_STATE_DIRECTORY "/var/lib/snap"
#define DEFAULT_DIRECTORY       "/var/lib/kubelet/checkpoints"
#define DEFAULT_PARALLEL        2
#define DEFAULT_QUEUE           1000
#define DEFAULT_RESERVE_PART    10 /* a tenth of the disk */
#define REQUEST_MOST            (64 * KIB)

static int text_option(const char **out, const char *value, const char *fallback, struct error *err)
{
        *out = strdup(value ? value : fallback);
        return *out ? 0 : error_oom(err);
}

/* Those that are named, or all whose engine is here. */
static int drivers_choose(struct node *node, const struct runtime_driver *const *wanted, struct error *err)
{
        const struct runtime_driver *const *all = wanted ? wanted : runtime_drivers;
        size_t count = 0, n = 0;

        while (all[count])
                count++;
        node->drivers = calloc(count + 1, sizeof(*node->drivers));
        if (!node->drivers)
                return error_oom(err);
        for (size_t i = 0; i < count; i++)
                if (wanted || all[i]->available())
                        node->drivers[n++] = all[i];
        node->options.drivers = node->drivers;
        return 0;
}

static int options_complete(struct node *node, const struct node_options *options, struct error *err)
{
        struct node_options *own = &node->options;
        int r;

        own->parallel = options->parallel ? options->parallel : DEFAULT_PARALLEL;
        own->queue = options->queue ? options->queue : DEFAULT_QUEUE;
        own->reserve = options->reserve;
        r = text_option(&own->name, options->name, "", err);
        if (r == 0)
                r = text_option(&own->cluster, options->cluster, "", err);
        if (r == 0)
                r = text_option(&own->state_directory, options->state_directory, DEFAULT_STATE_DIRECTORY,
                                err);
        if (r == 0)
                r = text_option(&own->directory, options->directory, DEFAULT_DIRECTORY, err);
        if (r == 0)
                r = text_option(&own->peer_ca, options->peer_ca, "", err);
        if (r == 0)
                r = text_option(&own->peer_certificate, options->peer_certificate, "", err);
        if (r == 0)
                r = text_option(&own->peer_key, options->peer_key, "", err);
        return r < 0 ? r : drivers_choose(node, options->drivers, err);
}

/* The directories, the lock that keeps a second agent out, and the reserve, which depends on the disk. */
static int place_open(struct node *node, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        uint64_t all_bytes;
        int r = file_mkdir_all(node->options.state_directory, 0700, err);

        if (r == 0)
                r = file_mkdir_all(node->options.directory, 0700, err);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/lock", node->options.state_directory) < 0) {
                path = NULL;
                return error_oom(err);
        }
        node->state_lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (node->state_lock < 0)
                return error_errno(err, errno, "open `%s`", path);
        if (flock(node->state_lock, LOCK_EX | LOCK_NB) < 0)
                return error_set(err, &ERROR_BUSY, -EBUSY, "another agent uses the state directory `%s`",
                                 node->options.state_directory);
        r = space_read(node, NULL, &all_bytes, err);
        if (r == 0 && !node->options.reserve)
                node->options.reserve = all_bytes / DEFAULT_RESERVE_PART;
        return r;
}

static int catalog_start(struct node *node, struct error *err)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/catalog.db", node->options.state_directory) < 0) {
                path = NULL;
                return error_oom(err);
        }
        return catalog_open(path, &node->catalog, err);
}

static void locks_init(struct node *node)
{
        pthread_condattr_t attributes;

        pthread_mutex_init(&node->lock, NULL);
        pthread_mutex_init(&node->records, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&node->work, &attributes);
        pthread_cond_init(&node->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        /* Of another run none is as large, so that who watched that one sees everything of this one. */
        node->version = node->first_version = (uint64_t)clock_realtime_ns() / 1000;
}

int node_open(const struct node_options *options, struct node **out, struct error *err)
{
        _cleanup_node_ struct node *node = calloc(1, sizeof(*node));
        int r;

        if (!node)
                return error_oom(err);
        node->state_lock = -1;
        locks_init(node);
        r = options_complete(node, options, err);
        if (r == 0)
                r = place_open(node, err);
        if (r == 0)
                r = catalog_start(node, err);
        if (r == 0)
                r = place_confirm(node, err);
        if (r == 0)
                r = metrics_new(&node->metrics, err);
        if (r == 0)
                r = node_recover(node, err);
        if (r == 0)
                r = queue_start(node, err);
        if (r == 0)
                r = directory_watch_start(node, &node->directory_watch, err);
        if (r == 0)
                *out = steal_ptr(node);
        return r;
}

void node_stop(struct node *node, unsigned seconds)
{
        if (node->directory_watch)
                directory_watch_stop(steal_ptr(node->directory_watch));
        queue_stop(node, seconds);
}

void node_free(struct node *node)
{
        node_stop(node, 0);
        for (size_t i = 0; i < node->job_count; i++)
                job_free(node->jobs[i]);
        free(node->jobs);
        free(node->workers);
        metrics_freep(&node->metrics);
        catalog_freep(&node->catalog);
        cleanup_close(&node->state_lock);
        pthread_cond_destroy(&node->work);
        pthread_cond_destroy(&node->changed);
        pthread_mutex_destroy(&node->lock);
        pthread_mutex_destroy(&node->records);
        free(node->drivers);
        free((char *)(uintptr_t)node->options.name);
        free((char *)(uintptr_t)node->options.cluster);
        free((char *)(uintptr_t)node->options.state_directory);
        free((char *)(uintptr_t)node->options.directory);
        free((char *)(uintptr_t)node->options.peer_ca);
        free((char *)(uintptr_t)node->options.peer_certificate);
        free((char *)(uintptr_t)node->options.peer_key);
        free(node);
}

struct catalog *node_catalog(struct node *node)
{
        return node->catalog;
}

const struct node_options *node_options(const struct node *node)
{
        return &node->options;
}

static int request_check(const struct node_request *request, struct error *err)
{
        _cleanup_json_ yyjson_doc *body = NULL;
        int r;

        if (request->body.size > REQUEST_MOST)
                return error_set(err, &ERROR_BAD_INPUT, -EFBIG,
                                 "a request has %zu bytes, more than the %llu "
                                 "allowed",
                                 request->body.size, (unsigned long long)REQUEST_MOST);
        if (memchr(request->body.data, '\0', request->body.size))
                return error_set(err, &ERROR_BAD_INPUT, -EBADMSG, "a request has a zero byte in it");
        r = json_parse(request->body, "the request", &body, err);
        if (r == 0 && !yyjson_is_obj(yyjson_doc_get_root(body)))
                r = error_set(err, &ERROR_BAD_INPUT, -EBADMSG, "a request must be a JSON object");
        return r;
}

static int operation_make(const struct node_request *request, struct operation **out, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        char id[UNIQUE_ID_SIZE];
        int r = operation_new(&operation, err);

        if (r < 0)
                return r;
        free(operation->request);
        operation->request = strndup((const char *)request->body.data, request->body.size);
        if (!operation->request) {
                operation->request = NULL;
                return error_oom(err);
        }
        if (text_set(&operation->id, unique_id(id)) < 0 || text_set(&operation->kind, request->kind) < 0 ||
            text_set(&operation->requester, request->requester) < 0)
                return error_oom(err);
        operation->priority = request->priority;
        operation->created_ns = operation->phase_ns = clock_realtime_ns();
        *out = steal_ptr(operation);
        return 0;
}

/* A place in the queue, before anything is written. */
static int place_take(struct node *node, struct error *err)
{
        int r = 0;

        pthread_mutex_lock(&node->lock);
        if (node->stopping)
                r = error_set(err, &ERROR_QUEUE_FULL, -ECANCELED, "the agent ends, and takes nothing new");
        else if (node->waiting >= node->options.queue)
                r = error_set(err, &ERROR_QUEUE_FULL, -EAGAIN, "%u operations wait already", node->waiting);
        else
                node->waiting++;
        pthread_mutex_unlock(&node->lock);
        if (r == -EAGAIN)
                metrics_count_rejected(node->metrics);
        return r;
}

static int enqueue(struct node *node, struct job *job, struct error *err)
{
        int r = catalog_put_operation(node->catalog, job->operation, err);

        pthread_mutex_lock(&node->lock);
        if (r == 0)
                r = queue_append(node, job, err);
        if (r < 0)
                node->waiting--;
        pthread_mutex_unlock(&node->lock);
        return r;
}

int node_submit_kind(struct node *node, const struct job_kind *kind, const struct node_request *request,
                     char id[UNIQUE_ID_SIZE], struct error *err)
{
        struct operation *operation = NULL;
        _cleanup_job_ struct job *job = NULL;
        int r = request_check(request, err);

        if (r == 0)
                r = operation_make(request, &operation, err);
        if (r < 0)
                return r;
        r = kind->check(node, operation, err);
        if (r < 0) {
                operation_free(operation);
                return r;
        }
        r = job_new(node, kind, operation, &job, err);
        if (r == 0)
                r = place_take(node, err);
        if (r < 0)
                return r;
        memcpy(id, job->operation->id, UNIQUE_ID_SIZE);
        r = enqueue(node, job, err);
        if (r == 0)
                job = NULL;
        return r;
}

int node_submit(struct node *node, const struct node_request *request, char id[UNIQUE_ID_SIZE],
                struct error *err)
{
        const struct job_kind *kind = job_kind_find(request->kind);

        return kind ? node_submit_kind(node, kind, request, id, err)
                    : error_set(err, &ERROR_BAD_INPUT, -EINVAL, "there is no kind of operation `%s`",
                                request->kind);
}

int node_cancel(struct node *node, const char *id, struct error *err)
{
        _cleanup_operation_ struct operation *ended = NULL;
        struct error why;
        struct job *job, *mine = NULL;
        int r;

        (void)error_set(&why, &ERROR_CANCELLED, -ECANCELED, "cancelled while it waited");
        pthread_mutex_lock(&node->lock);
        job = queue_find(node, id);
        if (job && job->state == JOB_WAITING) {
                mine = job;
                mine->state = JOB_TAKEN;
                node->waiting--;
        } else if (job && job->state == JOB_TAKEN) {
                atomic_store(&job->cancelled, true);
        }
        if (job && job->state == JOB_UNSAVED)
                job = NULL;
        pthread_mutex_unlock(&node->lock);
        if (mine)
                job_finish(mine, -ECANCELED, &why);
        if (job)
                return 0;
        r = node_operation(node, id, &ended, err);
        if (r < 0)
                return r;
        return error_set(err, &ERROR_OPERATION_ENDED, -EALREADY, "the operation `%s` has ended: %s", id,
                         operation_phase_name(ended->phase));
}
