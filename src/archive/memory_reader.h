/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of memory, segment by segment as they come, cut into windows. */
#ifndef SNAP_ARCHIVE_MEMORY_READER_H
#define SNAP_ARCHIVE_MEMORY_READER_H

#include "archive/memory_plan.h"
#include "archive/memory_scan.h"
#include "archive/stream.h"

struct memory_reader {
        const struct memory_scan *scan;
        struct memory_walk walk;     /* over the segment that is read */
        struct memory_extent extent; /* what is left of the one that is read */
        struct stream *stream;       /* borrowed: has the pages of the segment; NULL: no segment is open */
        uint64_t base;               /* position of the stream at the first of them */
        bool ended;                  /* no segment comes any more */
        bool starved;                /* what the next window lacks may come with the next segment */
        const struct criu_process *process; /* whose run of memory is read; NULL: a new run begins */
        uint64_t address;                   /* of the next window of the run */
        uint8_t *
                carry; /* what the next window shares with the last: in front of its address and from it on */
        size_t carry_before, carry_after;
        bool at_start; /* the run begins with the carry */
        bool begun;    /* the next window has `have` bytes in its space */
        size_t have;
};

int memory_reader_new(const struct memory_scan *scan, struct memory_reader *out, struct error *err);
/* What comes next: a segment, for whose pages `stream` stands at the first. All is borrowed until it is read.
 */
int memory_reader_feed(struct memory_reader *reader, const struct criu_source *source,
                       const struct memory_segment *segment, struct stream *stream, struct error *err);
/* Nothing comes any more. */
void memory_reader_end(struct memory_reader *reader);
/* 1: `out` is the next window, whose bytes lie in `space`; 0: the segment has been read. `space` must have
 * room for `scan->before`, a page, and `scan->after`; the window is no larger than it. After 0 it must be the
 * same the next time. `used` gets the bytes taken. */
int memory_reader_next(struct memory_reader *reader, uint8_t *space, size_t room, struct memory_window *out,
                       size_t *used, struct error *err);
void memory_reader_free(struct memory_reader *reader);

#endif
