/* SPDX-License-Identifier: Apache-2.0 */
/* Kind "restore": starts a checkpoint on this machine; with "pod": true the whole pod that it is a part of.
 */
#include <errno.h>
#include "node/checkpoint_request.h"
#include "node/hooks.h"
#include "node/node_private.h"
#include "runtime/restore_pod.h"

/* Borrows the texts of the JSON. */
static int options_parse(yyjson_val *object, struct restore_options *out, struct error *err)
{
        int r;

        *out = (struct restore_options){0};
        r = request_text(object, "name", &out->name, err);
        if (r == 0)
                r = request_tcp(object, &out->tcp, err);
        if (r == 0)
                r = request_flag(object, "fileLocks", &out->file_locks, err);
        if (r == 0 && out->name && !*out->name)
                out->name = NULL;
        return r < 0 ? r : request_flag(object, "force", &out->force, err);
}

static int check(struct node *node, struct operation *operation, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct restore_options options;
        struct hook_list hooks;
        bool pod = false;
        int r = request_checkpoint(node, operation, &checkpoint, err);

        if (r == 0)
                r = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);
        if (r == 0)
                r = options_parse(yyjson_doc_get_root(doc), &options, err);
        if (r == 0)
                r = hooks_parse(yyjson_doc_get_root(doc), "postRestore", &hooks, err);
        if (r == 0)
                r = request_flag(yyjson_doc_get_root(doc), "pod", &pod, err);
        if (r == 0 && pod && !*checkpoint->group)
                r = error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the checkpoint `%s` is no part of a pod's",
                              checkpoint->id);
        if (r == 0 && strcmp(checkpoint->state, "completed") != 0)
                r = error_set(err, &ERROR_CHECKPOINT_BAD, -EBADMSG, "the checkpoint `%s` is %s: %s",
                              checkpoint->id, checkpoint->state, checkpoint->reason);
        return r;
}

/* What is to be shown of it. */
struct outcome {
        struct restore_result one;
        struct pod_restore_result pod; /* in place of it, with an `id` */
        struct hook_reports reports;
};

static void outcome_free(struct outcome *outcome)
{
        restore_result_free(&outcome->one);
        pod_restore_result_free(&outcome->pod);
        hook_reports_free(&outcome->reports);
}

static bool add_container(const struct restore_result *result, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        return object && yyjson_mut_obj_add_str(doc, object, "containerId", result->container_id) &&
               yyjson_mut_obj_add_str(doc, object, "name", result->name) &&
               yyjson_mut_obj_add_int(doc, object, "pid", result->pid) &&
               yyjson_mut_obj_add_uint(doc, object, "startTime", result->start_time) &&
               yyjson_mut_obj_add_uint(doc, object, "processes", result->processes);
}

static bool add_times(const struct restore_result *result, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
        yyjson_mut_val *times = yyjson_mut_obj_add_obj(doc, root, "times");

        return times && yyjson_mut_obj_add_uint(doc, times, "preflightUs", result->preflight_us) &&
               yyjson_mut_obj_add_uint(doc, times, "restoreUs", result->restore_us) &&
               yyjson_mut_obj_add_uint(doc, times, "totalUs", result->total_us);
}

static bool add_pod(const struct pod_restore_result *pod, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
        yyjson_mut_val *list;
        bool fine = yyjson_mut_obj_add_str(doc, root, "podId", pod->id) &&
                    yyjson_mut_obj_add_str(doc, root, "name", pod->name) &&
                    (list = yyjson_mut_obj_add_arr(doc, root, "containers")) != NULL;

        for (size_t i = 0; fine && i < pod->count; i++)
                fine = add_container(&pod->parts[i], doc, yyjson_mut_arr_add_obj(doc, list));
        return fine;
}

static int set_result(struct job *job, const struct outcome *outcome, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

        if (!root ||
            !(outcome->pod.id
                      ? add_pod(&outcome->pod, doc, root)
                      : add_container(&outcome->one, doc, root) && add_times(&outcome->one, doc, root)) ||
            !hook_reports_add(&outcome->reports, doc, root))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return job_set_result(job, doc, err);
}

static int inspect(struct node *node, const char *id, struct container **out, struct error *err)
{
        int r = -ENOENT;

        for (size_t i = 0; node->drivers[i] && r == -ENOENT; i++)
                r = node->drivers[i]->inspect(id, out, err);
        return r;
}

/* In what runs now. */
static int run_hooks(struct job *job, struct outcome *outcome, struct error *err)
{
        size_t count = outcome->pod.id ? outcome->pod.count : 1;
        _cleanup_container_list_ struct container_list list = {0};
        struct hook_list hooks;
        int r = hooks_parse(job_request(job), "postRestore", &hooks, err);

        if (r < 0 || hooks.count == 0)
                return r;
        r = job_enter(job, PHASE_HOOKS, NULL, err);
        list.items = calloc(count, sizeof(*list.items));
        if (r == 0 && !list.items)
                r = error_oom(err);
        while (r == 0 && list.count < count) {
                const struct restore_result *result =
                        outcome->pod.id ? &outcome->pod.parts[list.count] : &outcome->one;

                r = inspect(job_node(job), result->container_id, &list.items[list.count], err);
                list.count += r == 0;
        }
        return r < 0 ? r
                     : hooks_run(&hooks, "postRestore", list.items, list.count, false, job_progress(job),
                                 &outcome->reports, err);
}

/* The restore's own steps as phases: only "restore" changes anything outside. */
struct work {
        struct job *job;
        struct error why; /* the phase could not be written */
};

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct work *work = context;
        const struct progress *progress = job_progress(work->job);

        if (strcmp(phase, "restore") == 0 && !work->why.kind)
                (void)job_enter(work->job, PHASE_RESTORE, NULL, &work->why);
        progress->step(progress->context, phase, done, total);
}

static bool cancelled(void *context)
{
        struct work *work = context;

        return work->why.kind || progress_cancelled(job_progress(work->job));
}

/* The directory of the pod whose part lies there. */
static int restore_whole(const struct checkpoint *part, const struct restore_options *options,
                         const struct progress *progress, struct outcome *outcome, struct error *err)
{
        const char *slash = strrchr(part->path, '/');
        _cleanup_free_ char *directory = strndup(part->path, (size_t)(slash ? slash - part->path : 0));

        return directory ? restore_pod(directory, options, progress, &outcome->pod, err) : error_oom(err);
}

static int run(struct job *job, struct error *err)
{
        struct node *node = job_node(job);
        struct work work = {.job = job};
        struct progress progress = {step, cancelled, &work};
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_(outcome_free) struct outcome outcome = {0};
        struct restore_options options;
        bool pod = false;
        int r = options_parse(job_request(job), &options, err);

        if (r == 0)
                r = request_flag(job_request(job), "pod", &pod, err);
        if (r == 0)
                r = catalog_get_checkpoint(node->catalog, json_text_or(job_request(job), "id", ""),
                                           &checkpoint, err);
        if (r == 0)
                r = job_enter(job, PHASE_PREFLIGHT, NULL, err);
        if (r == 0)
                r = pod ? restore_whole(checkpoint, &options, &progress, &outcome, err)
                        : restore_archive(checkpoint->path, NULL, &options, &progress, &outcome.one, err);
        if (r < 0 && work.why.kind)
                *err = work.why;
        if (r < 0)
                return r;
        r = run_hooks(job, &outcome, err);
        return set_result(job, &outcome, r < 0 ? NULL : err) < 0 && r == 0 ? -ENOMEM : r;
}

/* The engine may have gone on with it when we were killed: whoever asked must look. */
static int recover(struct job *job, struct error *err)
{
        enum operation_phase phase = job_operation(job)->phase;

        if (phase < PHASE_RESTORE)
                return error_set(err, &ERROR_KILLED, -EINTR,
                                 "the agent was killed before the restore began; nothing was changed");
        (void)error_set(err, &ERROR_KILLED, -EINTR,
                        "the agent was killed during the restore, and nobody saw whether it succeeded");
        error_set_hint(err,
                       "Look whether the container is there; if it does not run, remove it, and ask again.");
        return -EINTR;
}

const struct job_kind job_restore = {"restore", check, request_checkpoint_key, run, recover};
