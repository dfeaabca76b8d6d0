/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed number of worker threads with a bounded queue: submit blocks while it is full (back-pressure). */
#ifndef SNAP_BASE_POOL_H
#define SNAP_BASE_POOL_H

#include "base/cleanup.h"
#include "base/error.h"

struct pool;
typedef void (*pool_job)(void *argument);

/* Processors that this process may use. */
unsigned pool_processors(void);

/* `threads` 0: one for each of them. At most `depth` jobs wait. */
int pool_new(unsigned threads, unsigned depth, struct pool **out, struct error *err);
unsigned pool_threads(const struct pool *pool);
void pool_submit(struct pool *pool, pool_job job, void *argument);
/* Returns when all submitted jobs have ended. */
void pool_wait(struct pool *pool);
void pool_free(struct pool *pool); /* waits first */
CLEANUP_DEFINE(struct pool *, pool_free);
#define _cleanup_pool_ _cleanup_(pool_freep)

#endif
