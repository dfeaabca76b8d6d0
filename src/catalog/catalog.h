/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one node knows: its checkpoints, its operations with their journal, and what it offers, in one SQLite
 * file (WAL, synchronous=FULL). A change is on the disk when the function that makes it returns. Rows are
 * handed out as copies; all functions may be called by several threads at once.
 */
#ifndef SNAP_CATALOG_CATALOG_H
#define SNAP_CATALOG_CATALOG_H

#include "base/clock.h"
#include "catalog/checkpoint.h"
#include "catalog/offer.h"
#include "catalog/operation.h"

struct catalog;

/* Makes the file, 0600, and its directory, 0700, where there is none. A file of a newer SNAP is refused
 * (ERROR_CATALOG_VERSION), a damaged one is ERROR_CATALOG. */
int catalog_open(const char *path, struct catalog **out, struct error *err);
void catalog_free(struct catalog *catalog);
CLEANUP_DEFINE(struct catalog *, catalog_free);
#define _cleanup_catalog_ _cleanup_(catalog_freep)

/* --- checkpoints ------------------------------------------------------------------------------------------
 */

/* Adds it, or replaces the one of the same id. */
int catalog_put_checkpoint(struct catalog *catalog, const struct checkpoint *checkpoint, struct error *err);
/* By id. -ENOENT (ERROR_CHECKPOINT_NOT_FOUND). */
int catalog_get_checkpoint(struct catalog *catalog, const char *id, struct checkpoint **out,
                           struct error *err);
/* -ENOENT when it knows no such file. */
int catalog_find_path(struct catalog *catalog, const char *path, struct checkpoint **out, struct error *err);
int catalog_remove_checkpoint(struct catalog *catalog, const char *id, struct error *err);

/* NULL or 0 in a field: all. */
struct checkpoint_filter {
        const char *namespace, *pod, *container, *pod_uid, *group, *state;
        const char *after; /* id: those that follow it */
        unsigned limit;
};
/* In the order of their ids, which is that of time. */
int catalog_list_checkpoints(struct catalog *catalog, const struct checkpoint_filter *filter,
                             struct checkpoint_list *out, struct error *err);

/* How many there are of each namespace and state, and their bytes. Called with the catalog locked. */
typedef int (*checkpoint_counter)(void *context, const char *namespace, const char *state, uint64_t count,
                                  uint64_t bytes);
int catalog_count_checkpoints(struct catalog *catalog, checkpoint_counter counter, void *context,
                              struct error *err);

/* --- operations -------------------------------------------------------------------------------------------
 */

int catalog_put_operation(struct catalog *catalog, const struct operation *operation, struct error *err);
/* -ENOENT (ERROR_OPERATION_NOT_FOUND). */
int catalog_get_operation(struct catalog *catalog, const char *id, struct operation **out, struct error *err);
/* The newest first; `unfinished`: only those that have not ended, the oldest first. */
int catalog_list_operations(struct catalog *catalog, bool unfinished, unsigned limit,
                            struct operation_list *out, struct error *err);
/* Forgets ended operations, but the newest `keep`. */
int catalog_trim_operations(struct catalog *catalog, unsigned keep, struct error *err);

/* --- offers: images of checkpoints of other nodes ----------------------------------------------------------
 */

/* Adds it, or replaces the one of the same id. */
int catalog_put_offer(struct catalog *catalog, const struct offer *offer, struct error *err);
/* -ENOENT without an error when there is none. */
int catalog_get_offer(struct catalog *catalog, const char *id, struct offer **out, struct error *err);
/* At most `limit`, those that end first before others. */
int catalog_list_offers(struct catalog *catalog, unsigned limit, struct offer_list *out, struct error *err);
int catalog_remove_offer(struct catalog *catalog, const char *id, struct error *err);

extern const struct error_kind ERROR_CATALOG, ERROR_CATALOG_VERSION, ERROR_CHECKPOINT_NOT_FOUND,
        ERROR_OPERATION_NOT_FOUND;
extern const struct error_kind *const catalog_error_kinds[];

#endif
