/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRIU's page images as named pipes: made beforehand in its image directory, they are opened and filled by
 * CRIU like files, and what comes out goes straight into the archive. CRIU numbers its page images from 1 in
 * the order in which it opens them; those beyond our pipes become ordinary files.
 */
#ifndef SNAP_RUNTIME_PAGES_H
#define SNAP_RUNTIME_PAGES_H

#include "archive/writer.h"
#include "base/progress.h"

struct pages;

#define PAGES_MOST 256 /* each takes a descriptor, and CRIU's dump goes through them one by one */

/* Makes the pipes "pages-1.img" to "pages-COUNT.img" in the open directory `dir` (borrowed). */
int pages_open(int dir, unsigned count, struct pages **out, struct error *err);
/* Opens the pipes that are in `dir` already, left by a process that was killed: to break its dump off. */
int pages_adopt(int dir, struct pages **out, struct error *err);
/* Closes our ends. */
void pages_free(struct pages *pages);
CLEANUP_DEFINE(struct pages *, pages_free);
#define _cleanup_pages_ _cleanup_(pages_freep)

/*
 * Copies into the archive, as "checkpoint/pages-N.img", until `done_fd` is readable (the dump has ended) and
 * the pipes are empty. -ECANCELED, -ETIMEDOUT (at `deadline_us`, monotonic; 0: none) or the writer's failure
 * leave the dump running: it must then be broken off (pages_break).
 */
int pages_copy(struct pages *pages, struct archive_writer *writer, int done_fd, uint64_t deadline_us,
               const struct progress *progress, struct error *err);
/* Bytes copied. */
uint64_t pages_size(const struct pages *pages);

/* All descriptors it uses, the directory's too, into `out` (PAGES_MOST + 1); returns their number. */
size_t pages_descriptors(const struct pages *pages, int *out);

/*
 * Makes a dump fail at its next page, upon which CRIU sets the processes free as it found them (killing CRIU
 * would leave its code in them). A pipe that has no reader blocks whoever opens it, therefore the names
 * become directories first, which cannot be opened for writing. To be called in one process only; others that
 * have the pipes must free theirs. Allocates nothing: may be called after a fork.
 */
void pages_break(struct pages *pages);
/* Closes our ends and removes the pipes from the image directory, after a dump that succeeded. */
int pages_remove(struct pages *pages, struct error *err);

#endif
