/* SPDX-License-Identifier: Apache-2.0 */
/* A scan of memory that is fed what it looks at: segments in the order in which their pages come. */
#ifndef SNAP_ARCHIVE_MEMORY_SCANNER_H
#define SNAP_ARCHIVE_MEMORY_SCANNER_H

#include "archive/memory_reader.h"

struct memory_scanner;

/* Borrows the scan. `total`: bytes that will come, for its progress. */
int memory_scanner_new(const struct memory_scan *scan, uint64_t total, struct memory_scanner **out,
                       struct error *err);
/* `stream` stands at the first page of the segment, and behind what was read of them afterwards. The
 * processes of its views must last as long as the scanner, all else for the call. What is in it may be shown
 * only with the next one, or at the end. */
int memory_scanner_feed(struct memory_scanner *scanner, const struct criu_source *source,
                        const struct memory_segment *segment, struct stream *stream, struct error *err);
/* All have come: returns when everything was taken. */
int memory_scanner_finish(struct memory_scanner *scanner, struct error *err);
/* At any time; what was not taken never is. */
void memory_scanner_free(struct memory_scanner *scanner);
CLEANUP_DEFINE(struct memory_scanner *, memory_scanner_free);
#define _cleanup_memory_scanner_ _cleanup_(memory_scanner_freep)

#endif
