/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind "checkpoint": one container into one recorded archive.
 *
 * The archive is written under a temporary name in the archives' directory. When it is verified, the journal
 * gets the whole record (phase commit), the archive its name, the catalog the record, and only then is a
 * container ended that is to be ended. Killed before the phase commit, everything is undone (by the guardian
 * of the capture or by capture_recover()); killed in it, it is gone on with.
 */
#include <errno.h>
#include "base/file.h"
#include "node/breaker.h"
#include "node/checkpoint_request.h"
#include "node/estimate.h"
#include "node/hooks.h"
#include "node/node_private.h"
#include "runtime/capture.h"
#include "runtime/lock.h"

#define SETTLE_LIMIT_US (150 * 1000000ull) /* the guardian ends a dump within that */
#define SETTLE_STEP_US  20000

struct work {
        struct job *job;
        struct node *node;
        struct checkpoint_request request;
        const struct runtime_driver *driver;
        struct container *container;
        struct freeze_hooks hooks;
        char *temporary;
        struct checkpoint *checkpoint; /* the record to be */
        struct phase_times times;      /* of it */
        uint64_t estimate, claimed;    /* bytes that are to be written; of those, what is still set aside */
        struct breaker breaker;
        struct progress progress;
};

static void work_free(struct work *work)
{
        if (work->claimed)
                node_release_space(work->node, work->claimed);
        if (work->temporary)
                (void)unlink(work->temporary);
        freeze_hooks_free(&work->hooks);
        container_freep(&work->container);
        checkpoint_freep(&work->checkpoint);
        free(work->temporary);
}

/* Rewrites the request so that it names the one container that is meant now. */
static int request_settle(struct operation *operation, yyjson_doc *request,
                          const struct runtime_driver *driver, const struct container *container,
                          struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_doc_mut_copy(request, NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_doc_get_root(doc) : NULL;
        _cleanup_buffer_ struct buffer text = {0};
        int r;

        if (!root)
                return error_oom(err);
        yyjson_mut_obj_remove_key(root, "containerId");
        yyjson_mut_obj_remove_key(root, "engine");
        if (!yyjson_mut_obj_add_str(doc, root, "containerId", container->id) ||
            !yyjson_mut_obj_add_str(doc, root, "engine", driver->name))
                return error_oom(err);
        r = json_write(doc, false, &text, err);
        return r == 0 && text_set(&operation->request, buffer_text(&text)) < 0 ? error_oom(err) : r;
}

static int subject_set(struct operation *operation, const struct container *container, struct error *err)
{
        char *subject;

        if (asprintf(&subject, "%s/%s/%s", container->pod_namespace, container->pod,
                     container->pod_container) < 0)
                return error_oom(err);
        free(operation->subject);
        operation->subject = subject;
        return text_set(&operation->namespace, container->pod_namespace) < 0 ? error_oom(err) : 0;
}

static int check(struct node *node, struct operation *operation, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_container_ struct container *container = NULL;
        const struct runtime_driver *driver;
        struct checkpoint_request request;
        struct freeze_hooks hooks = {0};
        int r = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);

        if (r == 0)
                r = checkpoint_request_parse(yyjson_doc_get_root(doc), &request, err);
        if (r == 0)
                r = freeze_hooks_parse(yyjson_doc_get_root(doc), &hooks, err);
        if (r == 0)
                r = node_find_container(node, &request, &driver, &container, err);
        if (r < 0)
                return r;
        if (request.priority)
                operation->priority = request.priority;
        r = subject_set(operation, container, err);
        return r < 0 ? r : request_settle(operation, doc, driver, container, err);
}

static int keys(struct job *job, struct buffer *out, struct error *err)
{
        yyjson_val *request = job_request(job);

        if (buffer_printf(out, "container:%s-%s", json_text_or(request, "engine", ""),
                          json_text_or(request, "containerId", "")) < 0 ||
            buffer_append(out, "", 1) < 0)
                return error_oom(err);
        return 0;
}

/* {"temporary", "lock"}, and, when there is one, the record to be. */
static int journal_enter(struct work *work, enum operation_phase phase, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_free_ char *key = lock_key(work->container);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *record;

        if (!key || !root || !yyjson_mut_obj_add_str(doc, root, "temporary", work->temporary) ||
            !yyjson_mut_obj_add_str(doc, root, "lock", key))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        if (work->checkpoint) {
                record = checkpoint_json(work->checkpoint, doc);
                if (!record || !yyjson_mut_obj_add_val(doc, root, "checkpoint", record))
                        return error_oom(err);
        }
        return job_enter(work->job, phase, doc, err);
}

/* What was frozen goes on, unless it is to be ended. */
static void run_hooks_after(struct work *work)
{
        struct error why = {0};
        int r = work->request.options.stop ? 0 : freeze_hooks_after(&work->hooks, &work->container, 1, &why);

        if (r < 0)
                breaker_break(&work->breaker, r, &why);
}

/* What has been written is not to come any more: others may count on the rest of the disk. */
static void claim_use(struct work *work, uint64_t written)
{
        uint64_t left = written < work->estimate ? work->estimate - written : 0;

        if (left < work->claimed) {
                node_release_space(work->node, work->claimed - left);
                work->claimed = left;
        }
}

/* The capture's steps as our phases: of those that follow each other, the first begins the phase. */
static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct work *work = context;
        const struct progress *progress = job_progress(work->job);

        if (strcmp(phase, "freeze") == 0 || strcmp(phase, "dump") == 0)
                breaker_enter(&work->breaker, PHASE_DUMP);
        else if (strcmp(phase, "seal") == 0 || strcmp(phase, "verify") == 0)
                breaker_enter(&work->breaker, PHASE_VERIFY);
        if (strcmp(phase, "dump") == 0)
                claim_use(work, done);
        if (strcmp(phase, "seal") == 0)
                run_hooks_after(work);
        progress->step(progress->context, phase, done, total);
}

static bool cancelled(void *context)
{
        struct work *work = context;

        return breaker_cancelled(&work->breaker);
}

/* What each phase took: {"preflightUs", …}. */
static yyjson_mut_val *times_json(const struct phase_times *times, yyjson_mut_doc *doc)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        const struct {
                const char *name;
                uint64_t value;
        } members[] = {
                {"preflightUs", times->preflight_us},
                {"freezeUs", times->freeze_us},
                {"dumpUs", times->dump_us},
                {"filesystemUs", times->filesystem_us},
                {"sealUs", times->seal_us},
                {"verifyUs", times->verify_us},
                {"totalUs", times->total_us},
                {"pagesSize", times->pages_size},
                {"rootfsDiffSize", times->rootfs_diff_size},
        };

        for (size_t i = 0; root && i < ARRAY_SIZE(members); i++)
                if (!yyjson_mut_obj_add_uint(doc, root, members[i].name, members[i].value))
                        return NULL;
        return root;
}

static bool add_checkpoint(const struct work *work, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
        yyjson_mut_val *checkpoint = checkpoint_json(work->checkpoint, doc);
        yyjson_mut_val *times = times_json(&work->times, doc);

        return checkpoint && times && yyjson_mut_obj_add_val(doc, root, "checkpoint", checkpoint) &&
               yyjson_mut_obj_add_val(doc, root, "times", times);
}

/* {"checkpoint": {…}, "times": {…}, "hooks": […]}; without the first two when there is none. */
static int set_result(struct work *work, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

        if (!root || (work->checkpoint && !add_checkpoint(work, doc, root)) ||
            !hook_reports_add(&work->hooks.reports, doc, root))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return job_set_result(work->job, doc, err);
}

/* The archive is whole: it is recorded before the container may be ended. */
static int completed(void *context, const struct checkpoint_result *result, struct error *err)
{
        struct work *work = context;
        int r = checkpoint_describe(work->node, work->container, result, work->temporary, &work->checkpoint,
                                    err);

        if (r == 0)
                r = journal_enter(work, PHASE_COMMIT, err);
        if (r == 0)
                r = node_commit_archive(work->node, work->temporary, work->checkpoint, err);
        work->times = result->times;
        return r < 0 ? r : set_result(work, err);
}

/* A name that nobody else uses, hidden from those who look for archives. */
static int temporary_name(struct work *work, struct error *err)
{
        if (asprintf(&work->temporary, "%s/" TEMPORARY_PREFIX "%s", node_options(work->node)->directory,
                     job_operation(work->job)->id) < 0) {
                work->temporary = NULL;
                return error_oom(err);
        }
        return 0;
}

/* Everything that can be known before the container is touched. */
static int prepare(struct work *work, struct error *err)
{
        const struct operation *operation = job_operation(work->job);
        struct estimate estimate;
        int r = checkpoint_request_parse(job_request(work->job), &work->request, err);

        if (r == 0)
                r = freeze_hooks_parse(job_request(work->job), &work->hooks, err);
        if (r == 0)
                r = node_find_container(work->node, &work->request, &work->driver, &work->container, err);
        if (r == 0)
                r = temporary_name(work, err);
        if (r == 0)
                r = journal_enter(work, PHASE_PREFLIGHT, err);
        if (r < 0)
                return r;
        if (!work->container->pid)
                return error_set(err, &ERROR_CONTAINER_NOT_RUNNING, -ESRCH, "container `%s` is not running",
                                 work->container->name);
        r = estimate_container(work->container, &estimate, err);
        if (r == 0 && !work->request.options.force && !work->request.options.stop)
                r = estimate_check_liveness(work->node->catalog, &estimate, &work->request.liveness,
                                            operation->subject, err);
        if (r == 0)
                r = node_claim_space(work->node, estimate_space(&estimate), err);
        if (r == 0)
                work->estimate = work->claimed = estimate_space(&estimate);
        return r;
}

static int capture(struct work *work, struct error *err)
{
        struct checkpoint_options *options = &work->request.options;
        struct checkpoint_result result;
        int r;

        work->progress = (struct progress){step, cancelled, work};
        options->output = work->temporary;
        options->digest = true;
        options->completed = completed;
        options->context = work;
        r = capture_checkpoint(work->driver, work->container, options, &work->progress, &result, err);
        return breaker_result(&work->breaker, r, err);
}

static int run(struct job *job, struct error *err)
{
        _cleanup_(work_free) struct work work = {.job = job, .node = job_node(job), .breaker = {.job = job}};
        int r = prepare(&work, err);

        if (r < 0)
                return r;
        r = freeze_hooks_before(&work.hooks, &work.container, 1, job_progress(job), err);
        if (r == 0)
                r = capture(&work, err);
        /* It failed before they were due. One that was ended has nothing to be undone. */
        if (r < 0)
                (void)freeze_hooks_after(&work.hooks, &work.container, 1, NULL);
        if (r < 0 && work.hooks.reports.list)
                (void)set_result(&work, NULL);
        if (r == 0)
                metrics_observe_checkpoint(work.node->metrics, work.checkpoint);
        return r;
}

/* Whoever looks after a dump that we began ends it, and lets the container go on. */
int checkpoint_settle(const char *key, struct error *err)
{
        uint64_t limit = clock_monotonic_us() + SETTLE_LIMIT_US;
        unsigned recovered;
        int lock;

        while ((lock = lock_try(key, err)) == -EBUSY && clock_monotonic_us() < limit)
                usleep(SETTLE_STEP_US);
        if (lock < 0)
                return lock;
        close(lock);
        return capture_recover(&recovered, err);
}

/* What was done before the freeze is undone, whether or not that was done already: nobody knows. */
static void recover_hooks(struct job *job)
{
        _cleanup_container_ struct container *container = NULL;
        const struct runtime_driver *driver;
        struct checkpoint_request request;
        struct freeze_hooks hooks = {.owed = true};

        if (freeze_hooks_parse(job_request(job), &hooks, NULL) == 0 && hooks.after.count &&
            checkpoint_request_parse(job_request(job), &request, NULL) == 0 &&
            node_find_container(job_node(job), &request, &driver, &container, NULL) == 0)
                (void)freeze_hooks_after(&hooks, &container, 1, NULL);
        freeze_hooks_free(&hooks);
}

static int undo(struct job *job, const char *temporary, struct error *err)
{
        const char *phase = operation_phase_name(job_operation(job)->phase);
        int r = checkpoint_settle(json_text_or(job_journal(job), "lock", ""), err);

        if (unlink(temporary) < 0 && errno != ENOENT)
                r = error_errno(err, errno, "remove `%s`", temporary);
        recover_hooks(job);
        if (r < 0)
                return error_wrap(err, r, "the agent was killed during the phase %s, which cannot be undone",
                                  phase);
        return error_set(
                err, &ERROR_KILLED, -EINTR,
                "the agent was killed during the phase %s; undone: nothing was kept, and the container "
                "goes on",
                phase);
}

/* Whether the container has ended, as it was to. */
static int check_stopped(struct job *job, const struct checkpoint *checkpoint, struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        const struct runtime_driver *driver;
        struct checkpoint_request request;
        int r = checkpoint_request_parse(job_request(job), &request, err);

        if (r < 0 || !request.options.stop ||
            node_find_container(job_node(job), &request, &driver, &container, NULL) < 0 || !container->pid)
                return r;
        return error_set(
                err, &ERROR_KILLED, -EINTR,
                "the agent was killed before the container was ended; it goes on, and the checkpoint "
                "`%s` is complete",
                checkpoint->id);
}

static int recover(struct job *job, struct error *err)
{
        yyjson_val *journal = job_journal(job);
        const char *temporary = json_text(journal, "temporary");
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        int r;

        if (!temporary)
                return error_set(err, &ERROR_INTERNAL, -EBADMSG, "the journal of a checkpoint is incomplete");
        if (job_operation(job)->phase < PHASE_COMMIT)
                return undo(job, temporary, err);
        r = checkpoint_from_json(yyjson_obj_get(journal, "checkpoint"), &checkpoint, err);
        if (r == 0)
                r = checkpoint_settle(json_text_or(journal, "lock", ""), err);
        if (r == 0)
                r = node_recover_archive(job_node(job), temporary, checkpoint, err);
        if (r == 0)
                r = checkpoint_set_result(job, checkpoint, err);
        return r < 0 ? r : check_stopped(job, checkpoint, err);
}

const struct job_kind job_checkpoint = {"checkpoint", check, keys, run, recover};
