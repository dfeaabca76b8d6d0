/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder know of a node and its jobs.
 *
 * One lock, `node->lock`, is over everything that changes; nothing slow is done under it: no disk, no
 * program. An operation is written only by whoever has its job in hand (the worker that runs it, or who takes
 * it out of the queue), under the lock, so that this one may read it without.
 */
#ifndef SNAP_NODE_NODE_PRIVATE_H
#define SNAP_NODE_NODE_PRIVATE_H

#include <pthread.h>
#include <sys/stat.h>
#include <stdatomic.h>
#include "node/job.h"
#include "node/metrics.h"

enum job_state {
        JOB_WAITING, /* in the queue */
        JOB_TAKEN,   /* in somebody's hand */
        JOB_UNSAVED, /* ended, but the disk would not have it yet */
};

struct job {
        struct node *node;
        const struct job_kind *kind;
        struct operation *operation;
        yyjson_doc *request, *journal;
        struct buffer keys; /* NUL-ended texts */
        struct progress progress;
        enum job_state state;
        atomic_bool cancelled;
        atomic_bool suspended;     /* the agent ends: the next one goes on with it */
        bool writing;              /* a change of its phase that is not on the disk yet: no news so far */
        uint64_t version, told_us; /* of the last change; when progress was last shown */
        uint64_t phase_us;         /* when the phase began, monotonic */
};

#define ENDED_MOST 1024

/* An operation that has ended, for those who watch. */
struct ended {
        char id[UNIQUE_ID_SIZE];
        uint64_t version;
};

struct node {
        struct node_options options; /* texts are owned */
        const struct runtime_driver **drivers;
        int state_lock;    /* one agent at a time */
        struct stat place; /* of the archives' directory when we started */
        struct catalog *catalog;
        struct metrics *metrics;

        pthread_mutex_t lock;
        pthread_cond_t work, changed;
        struct job **jobs; /* all that have not ended, in the order in which they came */
        size_t job_count, job_room;
        unsigned waiting, running, ended_unsaved;
        uint64_t version, first_version;
        struct ended ended[ENDED_MOST]; /* a ring */
        uint64_t ended_count;
        uint64_t claimed; /* bytes set aside and not written yet */
        bool stopping;
        bool stopped;            /* no job runs any more, and none will */
        pthread_mutex_t records; /* over changes of a checkpoint's record: read, changed, written */
        pthread_t *workers;
        unsigned worker_count;
        struct directory_watch *directory_watch;
};

/* --- job.c --- */

/* Takes the operation over, also when it fails. */
int job_new(struct node *node, const struct job_kind *kind, struct operation *operation, struct job **out,
            struct error *err);
void job_free(struct job *job);
CLEANUP_DEFINE(struct job *, job_free);
#define _cleanup_job_ _cleanup_(job_freep)
const struct job_kind *job_kind_find(const char *name);
/* Writes the end of a job that is in hand to the disk, forgets the job and frees it. */
void job_finish(struct job *job, int result, const struct error *why);
/* Shows a change to those who watch. The node's lock must be held. */
void job_changed(struct job *job);

/* --- node.c --- */

/* node_submit() of a kind that is at hand. */
int node_submit_kind(struct node *node, const struct job_kind *kind, const struct node_request *request,
                     char id[UNIQUE_ID_SIZE], struct error *err);

/* --- queue.c --- */

/* Puts it at the end, counted as waiting. The node's lock must be held. */
int queue_append(struct node *node, struct job *job, struct error *err);
void queue_remove(struct node *node, struct job *job);
/* NULL when it has ended or never was. The node's lock must be held. */
struct job *queue_find(struct node *node, const char *id);
/* Is the key in use by a job, a waiting one included? The node's lock must be held. */
bool queue_uses(struct node *node, const char *key);
/* Tries again to write what has ended to the disk. */
void queue_save_ended(struct node *node);
int queue_start(struct node *node, struct error *err);
/* Cancels what waits, lets what runs end for so long, then cancels it, too; ends the workers. */
void queue_stop(struct node *node, unsigned seconds);

/* --- checkpoints.c --- */

/* "checkpoint:ID": who works with one has this key. */
int checkpoint_key(const char *id, struct buffer *out, struct error *err);
/* Reads a record, changes it and writes it. `out` (may be NULL) is what it is then. */
typedef int (*checkpoint_changer)(void *context, struct checkpoint *checkpoint, struct error *err);
int checkpoint_change(struct node *node, const char *id, checkpoint_changer change, void *context,
                      struct checkpoint **out, struct error *err);
/* Moves its archive into the quarantine, never over another; the record says so and why, and is the caller's
 * to write. */
int checkpoint_quarantine(struct node *node, struct checkpoint *checkpoint, const char *reason,
                          struct error *err);
/* {"checkpoint": {…}} as the result of the job. */
int checkpoint_set_result(struct job *job, const struct checkpoint *checkpoint, struct error *err);

/* --- checkpoint_job.c --- */

/* After a crash: waits until whoever looks after the dump of the container `key` (lock_key) has ended it, and
 * lets the container go on where nobody does. */
int checkpoint_settle(const char *key, struct error *err);

/* --- find.c --- */

struct checkpoint_request;
/* The container that a request names, by id or by its pod. Its Kubernetes names are never empty. */
int node_find_container(struct node *node, const struct checkpoint_request *request,
                        const struct runtime_driver **driver, struct container **out, struct error *err);

/* --- verify_job.c --- */

/* Of a request {"id": …}: the checkpoint, which becomes the operation's subject; and its key. */
int request_checkpoint(struct node *node, struct operation *operation, struct checkpoint **out,
                       struct error *err);
int request_checkpoint_key(struct job *job, struct buffer *out, struct error *err);

/* --- recover.c --- */

/* Finishes or undoes what was under way; what only waited, waits again. Before the workers start. */
int node_recover(struct node *node, struct error *err);

/* --- place.c --- */

/* When the agent starts: ERROR_PLACE when none of the recorded archives is there and the directory is another
 * one than before. */
int place_confirm(struct node *node, struct error *err);
/* Is it still the same? ERROR_PLACE. */
int place_check(const struct node *node, struct error *err);

/* --- space.c --- */

/* Free bytes of the archives' disk, and all of them. Either may be NULL. */
int space_read(const struct node *node, uint64_t *free_bytes, uint64_t *all_bytes, struct error *err);

/* --- adopt_scan.c --- */

/* What is to be done in the archives' directory. */
struct adopt_plan {
        char **unknown;   /* paths of archives that nobody recorded, and nobody writes any more */
        char **leftovers; /* paths of what died unfinished */
        char **lost;      /* ids of records whose archive is gone */
        size_t unknown_count, leftover_count, lost_count;
        bool again; /* something changed a moment ago: look again later */
};
int adopt_scan(struct node *node, struct adopt_plan *out, struct error *err);
void adopt_plan_free(struct adopt_plan *plan);
#define _cleanup_adopt_plan_ _cleanup_(adopt_plan_free)

/* --- directory_watch.c --- */

/* Looks at the archives' directory now, and whenever something changes in it, and submits an operation
 * "adopt" when there is something to do. */
int directory_watch_start(struct node *node, struct directory_watch **out, struct error *err);
void directory_watch_stop(struct directory_watch *watch);

#endif
