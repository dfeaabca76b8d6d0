/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at memory while the archive that holds it, which can only be read forward, is read for the first
 * time. Whose memory it is says the process tree, and in the archives of all engines, which are sorted by
 * name, "pstree.img" stands behind "pages-1.img". All else that tells where a page was stands before. So the
 * tree is guessed: that every process is in it whose images are there. When the archive has been read, what
 * was looked at is compared with what the tree says, and mostly that is all: where it is not, or where the
 * members stand in another order, the scan begins again, with a second reading.
 */
#ifndef SNAP_ARCHIVE_MEMORY_AHEAD_H
#define SNAP_ARCHIVE_MEMORY_AHEAD_H

#include "archive/memory_plan.h"
#include "archive/memory_scan.h"

struct memory_ahead {
        bool begun;          /* something may have been taken */
        bool complete;       /* everything that was guessed was taken */
        struct sha256 guess; /* of the plan (memory_plan_digest) */
};

/* Reads the archive, which is unread. What the scan fails for is no error here: it will fail again. */
int memory_ahead_read(struct archive *archive, const struct memory_scan *scan, struct memory_ahead *out,
                      struct error *err);
/* Was all of the plan taken, and nothing else? */
int memory_ahead_is_whole(const struct memory_ahead *ahead, const struct memory_plan *plan, bool *out,
                          struct error *err);

#endif
