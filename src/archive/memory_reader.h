/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a memory plan, read forward and cut into windows. */
#ifndef SNAP_ARCHIVE_MEMORY_READER_H
#define SNAP_ARCHIVE_MEMORY_READER_H

#include "archive/memory_plan.h"
#include "archive/memory_scan.h"
#include "archive/stream.h"

struct memory_reader {
        struct archive *archive;
        const struct memory_scan *scan;
        struct criu_source source;
        struct memory_walk walk;
        struct memory_extent extent;         /* what is left of the one that is read */
        const struct memory_segment *opened; /* whose member `stream` is, in a directory */
        struct stream *stream;
        const struct criu_process *process; /* whose run of memory is read; NULL: a new run begins */
        uint64_t address;                   /* of the next window of the run */
        uint8_t *
                carry; /* what the next window shares with the last: in front of its address and from it on */
        size_t carry_before, carry_after;
        bool at_start; /* the run begins with the carry */
};

int memory_reader_open(struct archive *archive, const struct memory_plan *plan,
                       const struct memory_scan *scan, struct memory_reader *out, struct error *err);
/* 1: `out` is the next window, whose bytes lie in `space`; 0: the end. `space` must have room for
 * `scan->before`, a page, and `scan->after`; the window is no larger than it. `used` gets the bytes taken. */
int memory_reader_next(struct memory_reader *reader, uint8_t *space, size_t room, struct memory_window *out,
                       size_t *used, struct error *err);
void memory_reader_close(struct memory_reader *reader);
#define _cleanup_memory_reader_ _cleanup_(memory_reader_close)

#endif
