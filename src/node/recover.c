/* SPDX-License-Identifier: Apache-2.0 */
/* What the last process left under way. */
#include <errno.h>
#include "node/node_private.h"
#include "runtime/capture.h"
#include "runtime/stage.h"

static int nothing_to_undo(const struct job *job, struct error *err)
{
        return error_set(err, &ERROR_KILLED, -EINTR,
                         "the agent was killed during the phase %s; there was nothing to be undone",
                         operation_phase_name(job->operation->phase));
}

static int recover_job(struct node *node, struct job *job, struct error *err)
{
        struct error why = {0};
        int r;

        if (job->operation->phase == PHASE_QUEUED || job->kind->goes_on) {
                pthread_mutex_lock(&node->lock);
                r = queue_append(node, job, err);
                node->waiting += r == 0;
                pthread_mutex_unlock(&node->lock);
                return r;
        }
        pthread_mutex_lock(&node->lock);
        job->state = JOB_TAKEN;
        r = queue_append(node, job, err);
        pthread_mutex_unlock(&node->lock);
        if (r < 0)
                return r;
        r = job->kind->recover ? job->kind->recover(job, &why) : nothing_to_undo(job, &why);
        job_finish(job, r, &why);
        return 0;
}

/* A kind that this program does not know, or a request that it cannot read. */
static int give_up(struct node *node, struct operation *operation, const struct error *why, struct error *err)
{
        operation->phase = PHASE_FAILED;
        operation->ended_ns = clock_realtime_ns();
        if (text_set(&operation->error_code, error_code(why)) < 0 ||
            text_set(&operation->error_text, why->text) < 0)
                return error_oom(err);
        return catalog_put_operation(node->catalog, operation, err);
}

static int recover_operation(struct node *node, struct operation *operation, struct error *err)
{
        const struct job_kind *kind = job_kind_find(operation->kind);
        struct operation *mine;
        struct error why = {0};
        struct job *job = NULL;
        int r = operation_copy(operation, &mine, err);

        if (r < 0)
                return r;
        if (kind) {
                r = job_new(node, kind, mine, &job, &why);
        } else {
                operation_free(mine);
                r = error_set(&why, &ERROR_KILLED, -EINTR,
                              "the agent was killed, and the one that was "
                              "started after it does not know `%s`",
                              operation->kind);
        }
        if (r < 0)
                return give_up(node, operation, &why, err);
        r = recover_job(node, job, err);
        if (r < 0)
                job_free(job);
        return r;
}

int node_recover(struct node *node, struct error *err)
{
        _cleanup_operation_list_ struct operation_list list = {0};
        unsigned recovered;
        int r;

        /* What it cannot undo is said by the operation that needs it. */
        (void)capture_recover(&recovered, NULL);
        (void)stage_recover(NULL);
        r = catalog_list_operations(node->catalog, true, 0, &list, err);
        for (size_t i = 0; r == 0 && i < list.count; i++)
                r = recover_operation(node, list.items[i], err);
        return r;
}
