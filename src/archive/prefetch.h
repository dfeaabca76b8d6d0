/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a stream ahead in a thread of its own, so that whoever hashes or writes never waits for the disk. */
#ifndef SNAP_ARCHIVE_PREFETCH_H
#define SNAP_ARCHIVE_PREFETCH_H

#include "archive/stream.h"

struct prefetch;

/* Takes over `stream`, also when it fails. `expected` bytes will come, 0 when that is unknown: no more memory
 * is taken than they need. */
int prefetch_new(struct stream *stream, uint64_t expected, struct prefetch **out, struct error *err);
/* 1: `chunk` is what comes next, valid until the next call; 0: the end. */
int prefetch_next(struct prefetch *prefetch, struct slice *chunk, struct error *err);
void prefetch_free(struct prefetch *prefetch);
CLEANUP_DEFINE(struct prefetch *, prefetch_free);
#define _cleanup_prefetch_ _cleanup_(prefetch_freep)

#endif
