/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_private.h"

#include <errno.h>

#define TELL_EVERY_US 100000 /* progress is for people */

const struct job_kind *const job_kinds[] = {
        &job_adopt, &job_checkpoint, &job_checkpoint_pod, &job_fetch, &job_restore, &job_verify, NULL};

const struct job_kind *job_kind_find(const char *name)
{
        for (const struct job_kind *const *kind = job_kinds; *kind; kind++)
                if (strcmp((*kind)->name, name) == 0)
                        return *kind;
        return NULL;
}

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct job *job = context;
        uint64_t now = clock_monotonic_us();

        pthread_mutex_lock(&job->node->lock);
        job->operation->done = done;
        job->operation->total = total;
        if (!job->writing && now - job->told_us >= TELL_EVERY_US) {
                job->told_us = now;
                job_changed(job);
        }
        pthread_mutex_unlock(&job->node->lock);
}

static bool cancelled(void *context)
{
        struct job *job = context;

        return atomic_load(&job->cancelled) || atomic_load(&job->suspended);
}

int job_new(struct node *node, const struct job_kind *kind, struct operation *operation, struct job **out,
            struct error *err)
{
        _cleanup_job_ struct job *job = calloc(1, sizeof(*job));
        int r;

        if (!job) {
                operation_free(operation);
                return error_oom(err);
        }
        job->node = node;
        job->kind = kind;
        job->operation = operation;
        job->progress = (struct progress){step, cancelled, job};
        job->phase_us = clock_monotonic_us();
        r = json_parse(SLICE_TEXT(operation->request), "the request", &job->request, err);
        if (r == 0 && *operation->journal)
                r = json_parse(SLICE_TEXT(operation->journal), "the journal", &job->journal, err);
        if (r == 0 && kind->keys)
                r = kind->keys(job, &job->keys, err);
        if (r == 0)
                *out = steal_ptr(job);
        return r;
}

void job_free(struct job *job)
{
        operation_freep(&job->operation);
        yyjson_doc_freep(&job->request);
        yyjson_doc_freep(&job->journal);
        buffer_free(&job->keys);
        free(job);
}

struct node *job_node(const struct job *job)
{
        return job->node;
}

const struct operation *job_operation(const struct job *job)
{
        return job->operation;
}

yyjson_val *job_request(const struct job *job)
{
        return yyjson_doc_get_root(job->request);
}

yyjson_val *job_journal(const struct job *job)
{
        return job->journal ? yyjson_doc_get_root(job->journal) : NULL;
}

bool job_is_suspended(const struct job *job)
{
        return atomic_load(&job->suspended) && !atomic_load(&job->cancelled);
}

const struct progress *job_progress(struct job *job)
{
        return &job->progress;
}

void job_changed(struct job *job)
{
        job->writing = false;
        job->version = ++job->node->version;
        pthread_cond_broadcast(&job->node->changed);
}

static int to_text(yyjson_mut_doc *doc, char **out, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int r = json_write(doc, false, &text, err);

        if (r == 0 && !(*out = strdup(buffer_text(&text))))
                r = error_oom(err);
        return r;
}

int job_set_result(struct job *job, yyjson_mut_doc *result, struct error *err)
{
        char *text, *old;
        int r = to_text(result, &text, err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&job->node->lock);
        old = job->operation->result;
        job->operation->result = text;
        pthread_mutex_unlock(&job->node->lock);
        free(old);
        return 0;
}

int job_add_result(struct job *job, const char *name, yyjson_mut_doc *value, struct error *err)
{
        _cleanup_json_ yyjson_doc *before = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *copy;
        int r = json_parse(SLICE_TEXT(*job->operation->result ? job->operation->result : "{}"), "the result",
                           &before, err);

        if (r < 0)
                return r;
        doc = yyjson_doc_mut_copy(before, NULL);
        copy = doc ? yyjson_mut_val_mut_copy(doc, yyjson_mut_doc_get_root(value)) : NULL;
        if (!copy || !yyjson_mut_obj_add_val(doc, yyjson_mut_doc_get_root(doc), name, copy))
                return error_oom(err);
        return job_set_result(job, doc, err);
}

/* `journal` NULL: as it is. The old text is the caller's. */
static char *phase_set(struct job *job, enum operation_phase phase, char *journal)
{
        struct operation *operation = job->operation;
        char *old = NULL;

        pthread_mutex_lock(&job->node->lock);
        job->writing = true;
        operation->phase = phase;
        operation->phase_ns = clock_realtime_ns();
        operation->done = operation->total = 0;
        if (journal) {
                old = operation->journal;
                operation->journal = journal;
        }
        pthread_mutex_unlock(&job->node->lock);
        return old;
}

static void phase_ended(struct job *job, enum operation_phase phase)
{
        uint64_t now = clock_monotonic_us();

        metrics_observe_phase(job->node->metrics, job->kind->name, phase, now - job->phase_us);
        job->phase_us = now;
}

int job_enter(struct job *job, enum operation_phase phase, yyjson_mut_doc *journal, struct error *err)
{
        _cleanup_json_ yyjson_doc *parsed = journal ? yyjson_mut_doc_imut_copy(journal, NULL) : NULL;
        enum operation_phase before = job->operation->phase;
        char *text = NULL, *old;
        int r;

        if (phase < PHASE_COMMIT && cancelled(job))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled before the phase %s",
                                 operation_phase_name(phase));
        if (journal && !parsed)
                return error_oom(err);
        r = journal ? to_text(journal, &text, err) : 0;
        if (r < 0)
                return r;
        old = phase_set(job, phase, text);
        r = catalog_put_operation(job->node->catalog, job->operation, err);
        if (r < 0)
                old = phase_set(job, before, old);
        free(old);
        pthread_mutex_lock(&job->node->lock);
        job_changed(job);
        pthread_mutex_unlock(&job->node->lock);
        if (r < 0)
                return r;
        if (parsed) {
                yyjson_doc_freep(&job->journal);
                job->journal = steal_ptr(parsed);
        }
        phase_ended(job, before);
        return 0;
}

/* Texts that cannot be had for want of memory stay empty: the phase says enough. */
static void error_keep(struct operation *operation, const struct error *why)
{
        const char *const texts[] = {error_code(why), why->text, error_hint(why), why->log};
        char **const places[] = {&operation->error_code, &operation->error_text, &operation->error_hint,
                                 &operation->error_log};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                char *copy = strdup(texts[i]);

                if (copy) {
                        free(*places[i]);
                        *places[i] = copy;
                }
        }
}

/* Nobody needs it any more; the catalog overwrites what it held. */
static void forget_secret(struct job *job)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc =
                job->kind->secret ? yyjson_doc_mut_copy(job->request, NULL) : NULL;
        char *text = NULL, *old;

        if (!doc)
                return;
        yyjson_mut_obj_remove_key(yyjson_mut_doc_get_root(doc), job->kind->secret);
        if (to_text(doc, &text, NULL) < 0)
                return;
        pthread_mutex_lock(&job->node->lock);
        old = job->operation->request;
        job->operation->request = text;
        pthread_mutex_unlock(&job->node->lock);
        explicit_bzero(old, strlen(old));
        free(old);
}

void job_finish(struct job *job, int result, const struct error *why)
{
        struct node *node = job->node;
        struct operation *operation = job->operation;
        enum operation_phase before = operation->phase;
        bool saved;

        forget_secret(job);
        pthread_mutex_lock(&node->lock);
        job->writing = true;
        operation->phase = result == 0 ? PHASE_DONE : result == -ECANCELED ? PHASE_CANCELLED : PHASE_FAILED;
        operation->ended_ns = operation->phase_ns = clock_realtime_ns();
        if (result < 0)
                error_keep(operation, why);
        pthread_mutex_unlock(&node->lock);
        phase_ended(job, before);
        metrics_count_operation(node->metrics, operation, before);
        saved = catalog_put_operation(node->catalog, operation, NULL) == 0;

        pthread_mutex_lock(&node->lock);
        job_changed(job);
        job->state = JOB_UNSAVED;
        if (saved)
                queue_remove(node, job);
        else
                node->ended_unsaved++;
        pthread_cond_broadcast(&node->work);
        pthread_mutex_unlock(&node->lock);
        if (saved)
                queue_save_ended(node);
}
