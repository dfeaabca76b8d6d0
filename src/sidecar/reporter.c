/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/reporter.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include "sidecar/footprint.h"
#include "sidecar/log.h"

#define WAIT_MS 60000 /* then what requests left behind is given back, too */

struct reporter {
        struct node *node;
        struct agent *agent;
        pthread_t thread;
        atomic_bool ending;
};

static void report(const struct operation *operation)
{
        const char *code = *operation->error_code ? operation->error_code : NULL;
        enum log_level level = operation->phase == PHASE_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;

        log_event(level, "operation ended", "id", operation->id, "kind", operation->kind, "subject",
                  operation->subject, "requester", operation->requester, "phase",
                  operation_phase_name(operation->phase), "code", code, "text",
                  code ? operation->error_text : NULL, NULL);
}

static bool is_idle(struct node *node)
{
        _cleanup_operation_list_ struct operation_list list = {0};

        return catalog_list_operations(node_catalog(node), true, 1, &list, NULL) == 0 && list.count == 0;
}

static void *run(void *argument)
{
        struct reporter *reporter = argument;
        uint64_t version = 0;

        while (!reporter->ending) {
                _cleanup_operation_ struct operation *operation = NULL;

                if (node_watch(reporter->node, NULL, &version, WAIT_MS, &operation, NULL) < 0)
                        break;
                agent_renew(reporter->agent);
                if (operation && !operation_phase_is_last(operation->phase))
                        continue;
                if (operation)
                        report(operation);
                if (is_idle(reporter->node))
                        footprint_release();
        }
        return NULL;
}

int reporter_start(struct node *node, struct agent *agent, struct reporter **out, struct error *err)
{
        struct reporter *reporter = calloc(1, sizeof(*reporter));
        sigset_t all, before;
        int ret;

        if (!reporter)
                return error_oom(err);
        reporter->node = node;
        reporter->agent = agent;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ret = pthread_create(&reporter->thread, NULL, run, reporter);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (ret) {
                free(reporter);
                return error_errno(err, ret, "start a thread");
        }
        *out = reporter;
        return 0;
}

void reporter_stop(struct reporter *reporter)
{
        if (!reporter)
                return;
        reporter->ending = true;
        pthread_join(reporter->thread, NULL);
        free(reporter);
}
