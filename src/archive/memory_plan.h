/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the memory of processes lies in an archive: which members, in which order they are read forward once,
 * and which addresses their bytes have. Memory that several mappings share is listed once, at the first of
 * them.
 */
#ifndef SNAP_ARCHIVE_MEMORY_PLAN_H
#define SNAP_ARCHIVE_MEMORY_PLAN_H

#include "archive/archive.h"
#include "base/digest.h"
#include "criu/dump.h"
#include "criu/pagemap.h"

/* How a process sees a part of what a page map lists. */
struct memory_view {
        const struct criu_process *process; /* borrowed from the dump */
        uint64_t start, end; /* as the page map counts: addresses, or offsets in shared memory */
        uint64_t address;    /* of `start` in the process */
};

struct memory_segment {
        char pagemap[64];
        uint32_t pages_id;                  /* its bytes are in "pages-ID.img" */
        const struct archive_member *pages; /* that one, borrowed from the archive; NULL: only guessed */
        uint64_t size;                      /* bytes of it that the page map lists */
        struct memory_view *views;          /* ascending, not overlapping */
        size_t count;
};

struct memory_plan {
        struct memory_segment *segments; /* in the order of their pages in the archive */
        size_t count, capacity;
        uint64_t size;   /* bytes of all segments */
        uint64_t absent; /* bytes that the page maps list and an earlier dump holds */
};

/* Of the process `pid`, or of all for 0. Borrows archive and dump. The dump must have its mappings
 * (CRIU_LOAD_MAPPINGS). */
int memory_plan_make(struct archive *archive, const struct criu_dump *dump, pid_t pid,
                     struct memory_plan *out, struct error *err);
/* The same before the members with pages are known. The segments are in the order of `pages_id`, each of
 * which is there once (else ERROR_ARCHIVE_INCONSISTENT). */
int memory_plan_guess(struct archive *archive, const struct criu_dump *dump, pid_t pid,
                      struct memory_plan *out, struct error *err);
/* Two plans have the same when they show the same bytes at the same addresses of the same processes. */
int memory_plan_digest(const struct memory_plan *plan, struct sha256 *out, struct error *err);
void memory_plan_free(struct memory_plan *plan);
#define _cleanup_memory_plan_ _cleanup_(memory_plan_free)

/* A run of bytes: where they lie and where they were. */
struct memory_extent {
        const struct criu_process *process;
        uint64_t address;
        uint64_t offset; /* in the pages member */
        uint64_t size;
};

/* Goes through the extents of a segment, in the order of its pages. */
struct memory_walk {
        const struct memory_segment *segment;
        size_t view;
        struct criu_pagemap pagemap;
        struct criu_region region; /* what is left of it */
        uint64_t offset;           /* of the region's start in the pages member */
};

/* Borrows the segment; the source only for the call. */
int memory_walk_open(const struct criu_source *source, const struct memory_segment *segment,
                     struct memory_walk *out, struct error *err);
/* 1: the next one; 0: end. */
int memory_walk_next(struct memory_walk *walk, struct memory_extent *out, struct error *err);
void memory_walk_close(struct memory_walk *walk);

#endif
