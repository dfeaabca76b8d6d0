/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation: a journalled step machine. The same record drives the progress bar, GET /operations/{id},
 * server-sent events, metrics and the audit log. Each phase is on the disk before it begins, with what is to
 * be undone if it is the last thing that we ever wrote.
 */
#ifndef SNAP_CATALOG_OPERATION_H
#define SNAP_CATALOG_OPERATION_H

#include "base/json.h"

enum operation_phase {
        PHASE_QUEUED,
        PHASE_PREFLIGHT,
        PHASE_DUMP,     /* of a checkpoint */
        PHASE_TRANSFER, /* of a fetch */
        PHASE_RESTORE,  /* of a restore */
        PHASE_VERIFY,
        PHASE_COMMIT, /* the archive gets its name, and is recorded */
        PHASE_HOOKS,  /* after it */
        PHASE_DONE,
        PHASE_FAILED,
        PHASE_CANCELLED,
        PHASE_MAX_
};
/* "queued", "preflight", … */
const char *operation_phase_name(enum operation_phase phase);
enum operation_phase operation_phase_from_name(const char *name); /* PHASE_MAX_ when unknown */
/* Done, failed or cancelled. */
bool operation_phase_is_last(enum operation_phase phase);

/* Text is owned, "" when unknown. */
struct operation {
        char *id;      /* unique_id() */
        char *kind;    /* "checkpoint", "checkpoint-pod", "restore", "fetch", "verify" */
        char *subject; /* for people: "default/web/nginx" */
        char *namespace;
        char *requester; /* the principal's name */
        enum operation_phase phase;
        int priority;         /* higher first */
        uint64_t done, total; /* of the phase, bytes; not in the journal */
        char *request;        /* JSON object, as the kind defines it */
        char *journal;        /* JSON object: what is to be undone; the kind's own */
        char *result;         /* JSON object: what came of it */
        char *error_code, *error_text, *error_hint, *error_log;
        int64_t created_ns, started_ns, phase_ns, ended_ns; /* since 1970; 0: not yet */
};

int operation_new(struct operation **out, struct error *err);
int operation_copy(const struct operation *operation, struct operation **out, struct error *err);
void operation_free(struct operation *operation);
CLEANUP_DEFINE(struct operation *, operation_free);
#define _cleanup_operation_ _cleanup_(operation_freep)

/* As the API shows it (docs/node.md, "Operation"): without request and journal. NULL: out of memory. */
yyjson_mut_val *operation_json(const struct operation *operation, yyjson_mut_doc *doc);
int operation_from_json(yyjson_val *object, struct operation **out, struct error *err);

struct operation_list {
        struct operation **items;
        size_t count;
};
void operation_list_free(struct operation_list *list);
#define _cleanup_operation_list_ _cleanup_(operation_list_free)

#endif
