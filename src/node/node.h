/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node engine: what touches containers and archives on one machine. Programs (the agent `sidecar`, the
 * API in its one-machine form) ask it for operations and look at what it has; it owns the queue, the
 * journal, the checkpoint directory and the disk's watermark. All functions may be called by several threads.
 */
#ifndef SNAP_NODE_NODE_H
#define SNAP_NODE_NODE_H

#include "catalog/catalog.h"
#include "runtime/runtime.h"

struct node;

struct node_options {
        const char *name, *cluster;  /* of this node; cluster "" without one */
        const char *state_directory; /* catalog and what is unfinished; default /var/lib/snap */
        const char *directory;       /* of archives; default /var/lib/kubelet/checkpoints, made 0700 */
        const struct runtime_driver *const *drivers; /* NULL-terminated; NULL: all that are available */
        unsigned parallel;                           /* operations at once [2] */
        unsigned queue;                              /* that may wait [1000] */
        const char *peer_ca, *peer_certificate,
                *peer_key; /* PEM files for fetches: whom to trust, who we are */
        uint64_t reserve;  /* bytes of the archives' disk that are never filled: the watermark
                              [10 % of it] */
};

/*
 * Opens the catalog, recovers what was under way when the last process ended (finishes or undoes it, and says
 * which in the operation), and starts the workers. Archives that nobody recorded are then adopted or
 * quarantined beside other work, by an operation "adopt", as are those that come later.
 */
int node_open(const struct node_options *options, struct node **out, struct error *err);
/* Takes nothing new, cancels what waits, lets what runs end for at most `seconds`, then cancels it, too. What
 * can be gone on with (a fetch) is left where it is at once, for the next node_open(). */
void node_stop(struct node *node, unsigned seconds);
void node_free(struct node *node);
CLEANUP_DEFINE(struct node *, node_free);
#define _cleanup_node_ _cleanup_(node_freep)

struct catalog *node_catalog(struct node *node);
const struct node_options *node_options(const struct node *node);

/* --- operations -------------------------------------------------------------------------------------------
 */

struct node_request {
        const char *kind; /* of a job_kind (node/job.h) */
        const char *requester;
        int priority;
        struct slice body; /* JSON object, as the kind defines it (docs/node.md) */
};

/* Checks it, writes it to the journal and puts it into the queue. ERROR_QUEUE_FULL (429), ERROR_BAD_INPUT
 * (400), not found (404): then there is no operation. */
int node_submit(struct node *node, const struct node_request *request, char id[UNIQUE_ID_SIZE],
                struct error *err);
/* Asks it to end; it does so at its next safe point. -EALREADY when it has ended (ERROR_OPERATION_ENDED). */
int node_cancel(struct node *node, const char *id, struct error *err);
/* As it is now, progress included. */
int node_operation(struct node *node, const char *id, struct operation **out, struct error *err);
/*
 * Waits until something of operation `id` (NULL: of any) is newer than `*version`, or for `timeout_ms`; sets
 * `*version`, 0 at first, to what was seen. `out` is NULL when nothing came, at once when the node has
 * stopped. Of one that moves fast, steps between may be left out, its end never.
 */
int node_watch(struct node *node, const char *id, uint64_t *version, int timeout_ms, struct operation **out,
               struct error *err);
/* Waits for its end. -ECANCELED when the node has stopped, and it will end in another run. */
int node_wait(struct node *node, const char *id, struct operation **out, struct error *err);

/* --- checkpoints ------------------------------------------------------------------------------------------
 */

/* Removes archive, index and record. ERROR_PINNED (409), ERROR_BUSY when an operation uses it. */
int node_delete_checkpoint(struct node *node, const char *id, struct error *err);
int node_pin_checkpoint(struct node *node, const char *id, bool pinned, struct error *err);

/* --- figures ----------------------------------------------------------------------------------------------
 */

/* Appends Prometheus text (exposition format 0.0.4): names in docs/node.md, "Metrics". */
int node_metrics(struct node *node, struct buffer *out, struct error *err);
/* Can it take work: disk above the watermark, catalog writable, queue not full? The error says what is not.
 */
int node_ready(struct node *node, struct error *err);

extern const struct error_kind ERROR_QUEUE_FULL, ERROR_OPERATION_ENDED, ERROR_PINNED, ERROR_WATERMARK,
        ERROR_PROBE_PERIOD, ERROR_KILLED, ERROR_CHECKPOINT_BAD, ERROR_PLACE, ERROR_HOOK, ERROR_POD_INCOMPLETE,
        ERROR_PEER;
extern const struct error_kind *const node_error_kinds[];

#endif
