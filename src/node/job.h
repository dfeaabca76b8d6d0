/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation at work. Each kind of operation is a file with one `struct job_kind`: what it does, phase by
 * phase, and what is to be done when we were killed in the middle. Only for the files of this folder.
 */
#ifndef SNAP_NODE_JOB_H
#define SNAP_NODE_JOB_H

#include "base/digest.h"
#include "node/node.h"

struct job;

struct job_kind {
        const char *name;
        /* Checks the request before it is queued, and sets `subject`, `namespace` and whatever `request`
         * lacks in `operation`, whose text it may replace. No work yet. */
        int (*check)(struct node *node, struct operation *operation, struct error *err);
        /* Appends what may be worked on by one job at a time, one NUL-ended text each (a container's lock
         * key, a checkpoint's id). Jobs whose keys are taken wait. NULL: none. */
        int (*keys)(struct job *job, struct buffer *out, struct error *err);
        /* The work. 0: done. -ECANCELED: cancelled, all undone. Else failed, all undone. */
        int (*run)(struct job *job, struct error *err);
        /* After a crash: looks at phase and journal, finishes (0) or undoes (a negative errno with the reason
         * in `err`, the operation is then failed). May be called more than once. NULL: nothing to undo. */
        int (*recover)(struct job *job, struct error *err);
        /* In place of that, for what takes long to finish: it waits in the queue again, and `run` finds phase
         * and journal. The same when the agent ends in good order: then `run` is told that it is cancelled,
         * and leaves what it has if job_is_suspended(). */
        bool goes_on;
        /* A member of the request that is forgotten when the operation ends. NULL: none. */
        const char *secret;
};

/* NULL-terminated. */
extern const struct job_kind *const job_kinds[];
extern const struct job_kind job_adopt, job_checkpoint, job_checkpoint_pod, job_restore, job_fetch,
        job_verify;

struct node *job_node(const struct job *job);
/* Borrowed; phase, request and journal as they are. */
const struct operation *job_operation(const struct job *job);
/* The request, parsed. Borrowed. */
yyjson_val *job_request(const struct job *job);
/* The journal, parsed; NULL when it is empty. Borrowed, until the next job_enter(). */
yyjson_val *job_journal(const struct job *job);

/* The agent ends, and the next one goes on with it. */
bool job_is_suspended(const struct job *job);

/* Begins a phase: on the disk, with `journal` (NULL: as before), when it returns. -ECANCELED
 * (ERROR_CANCELLED) when that was asked for, but in the phases commit and later. The member "temporary" of a
 * journal is a path in the archives' directory that is no leftover as long as the operation has not ended. */
int job_enter(struct job *job, enum operation_phase phase, yyjson_mut_doc *journal, struct error *err);
/* For the layers below: steps show as `done` and `total` of the phase; cancelled when that was asked for. */
const struct progress *job_progress(struct job *job);
/* What comes of it, shown to everybody who sees the operation. Replaces what was set. */
int job_set_result(struct job *job, yyjson_mut_doc *result, struct error *err);
/* Adds a member to it: the root of `value`. */
int job_add_result(struct job *job, const char *name, yyjson_mut_doc *value, struct error *err);

/* --- what kinds share -------------------------------------------------------------------------------------
 */

/* Sets `bytes` aside on the archives' disk until it is given back; ERROR_WATERMARK when the reserve would be
 * touched. Counts what other jobs have set aside and not written yet. */
int node_claim_space(struct node *node, uint64_t bytes, struct error *err);
void node_release_space(struct node *node, uint64_t bytes);
/* ERROR_WATERMARK when the disk is below the reserve: others fill it while we write. */
int node_check_watermark(struct node *node, struct error *err);
/* Names of what is unfinished in the archives' directory begin so, with an operation's id after it and
 * whatever else: such files are no leftovers as long as that operation has not ended. */
#define TEMPORARY_PREFIX ".snap-"
/*
 * The name of an archive to be, in the kubelet's form "checkpoint-POD_NAMESPACE-CONTAINER-TIME.tar", with the
 * full path, to be freed. Where it is taken already, and beside a kubelet, which would overwrite it, the time
 * has a fraction: no two are ever the same.
 */
int node_archive_path(struct node *node, const char *namespace, const char *pod, const char *container,
                      int64_t created_ns, char **out, struct error *err);
/*
 * Gives a verified archive its final name (never over another file), syncs, and records it: `checkpoint` has
 * all but path and state, and gets them; digest and size, too, where it has none. After this it is complete;
 * when it fails, the archive has its temporary name.
 */
int node_commit_archive(struct node *node, const char *temporary, struct checkpoint *checkpoint,
                        struct error *err);
/* After a crash somewhere in that: goes on with it. `checkpoint` as the journal has it, with its digest.
 * -ENOENT (ERROR_KILLED) when there is nothing that it could be. */
int node_recover_archive(struct node *node, const char *temporary, struct checkpoint *checkpoint,
                         struct error *err);
/* The record of an archive that was just captured and verified; reads it for its digest where the result has
 * none. `archive` is where it lies now. */
int checkpoint_describe(struct node *node, const struct container *container,
                        const struct checkpoint_result *result, const char *archive, struct checkpoint **out,
                        struct error *err);
/* Reads a whole file for its size and SHA-256; "sha256:…" into the record. */
int archive_measure(const char *path, const struct progress *progress, uint64_t *size, struct sha256 *digest,
                    struct error *err);
int checkpoint_set_digest(struct checkpoint *checkpoint, const struct sha256 *digest, struct error *err);

#endif
