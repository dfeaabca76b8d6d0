/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the memory of processes lies in an archive: which members, in which order they are read forward once,
 * and which addresses their bytes have. Memory that several mappings share is listed once, at the first of
 * them.
 *
 * Of a compressed archive without an index this is a second pass, which cannot be joined with the one that
 * lists the members: whose a page is says the process tree, and in the archives of all engines "pstree.img"
 * stands behind "pages-1.img" (they are sorted by name; ours begin with the pages). Memory would have to be
 * kept until then, and there is no limit to how much that is.
 */
#ifndef SNAP_ARCHIVE_MEMORY_PLAN_H
#define SNAP_ARCHIVE_MEMORY_PLAN_H

#include "archive/archive.h"
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
        const struct archive_member *pages; /* borrowed from the archive */
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
void memory_plan_free(struct memory_plan *plan);
#define _cleanup_memory_plan_ _cleanup_(memory_plan_free)

/* A run of bytes: where they lie and where they were. */
struct memory_extent {
        const struct memory_segment *segment;
        const struct criu_process *process;
        uint64_t address;
        uint64_t offset; /* in the pages member */
        uint64_t size;
};

/* Goes through the extents of a plan. Zero-initialise all but the first two. */
struct memory_walk {
        const struct criu_source *source;
        const struct memory_plan *plan;
        size_t segment;
        size_t view;
        bool open;
        struct criu_pagemap pagemap;
        struct criu_region region; /* what is left of it */
        uint64_t offset;           /* of the region's start in the pages member */
};

/* 1: the next one; 0: end. */
int memory_walk_next(struct memory_walk *walk, struct memory_extent *out, struct error *err);
void memory_walk_done(struct memory_walk *walk);
#define _cleanup_memory_walk_ _cleanup_(memory_walk_done)

#endif
