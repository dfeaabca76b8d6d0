/* SPDX-License-Identifier: Apache-2.0 */
/* Kind "restore": starts a checkpoint on this machine. */
#include <errno.h>
#include "node/checkpoint_request.h"
#include "node/node_private.h"
#include "runtime/restore.h"

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
        int r = request_checkpoint(node, operation, &checkpoint, err);

        if (r == 0)
                r = json_parse(SLICE_TEXT(operation->request), "the request", &doc, err);
        if (r == 0)
                r = options_parse(yyjson_doc_get_root(doc), &options, err);
        if (r == 0 && strcmp(checkpoint->state, "completed") != 0)
                r = error_set(err, &ERROR_CHECKPOINT_BAD, -EBADMSG, "the checkpoint `%s` is %s: %s",
                              checkpoint->id, checkpoint->state, checkpoint->reason);
        return r;
}

static int set_result(struct job *job, const struct restore_result *result, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *times;

        if (!root || !yyjson_mut_obj_add_str(doc, root, "containerId", result->container_id) ||
            !yyjson_mut_obj_add_str(doc, root, "name", result->name) ||
            !yyjson_mut_obj_add_int(doc, root, "pid", result->pid) ||
            !yyjson_mut_obj_add_uint(doc, root, "startTime", result->start_time) ||
            !yyjson_mut_obj_add_uint(doc, root, "processes", result->processes))
                return error_oom(err);
        times = yyjson_mut_obj_add_obj(doc, root, "times");
        if (!yyjson_mut_obj_add_uint(doc, times, "preflightUs", result->preflight_us) ||
            !yyjson_mut_obj_add_uint(doc, times, "restoreUs", result->restore_us) ||
            !yyjson_mut_obj_add_uint(doc, times, "totalUs", result->total_us))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return job_set_result(job, doc, err);
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

static int run(struct job *job, struct error *err)
{
        struct node *node = job_node(job);
        struct work work = {.job = job};
        struct progress progress = {step, cancelled, &work};
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_restore_result_ struct restore_result result = {0};
        struct restore_options options;
        int r = options_parse(job_request(job), &options, err);

        if (r == 0)
                r = catalog_get_checkpoint(node->catalog, json_text_or(job_request(job), "id", ""),
                                           &checkpoint, err);
        if (r == 0)
                r = job_enter(job, PHASE_PREFLIGHT, NULL, err);
        if (r == 0)
                r = restore_archive(checkpoint->path, NULL, &options, &progress, &result, err);
        if (r < 0 && work.why.kind)
                *err = work.why;
        return r < 0 ? r : set_result(job, &result, err);
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
