/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive as a file that another program reads from its beginning to its end, any number of times, without
 * a copy on disk: a named pipe behind which the archive is a plain tar, whatever its form.
 */
#ifndef SNAP_RUNTIME_FEED_H
#define SNAP_RUNTIME_FEED_H

#include "archive/archive.h"

struct feed;

/* Makes the pipe in `directory`, which only root can look into. `archive` is borrowed until feed_free(). */
int feed_open(const struct archive *archive, const char *directory, struct feed **out, struct error *err);
/* Give this to the reader. It leads through /proc/PID of this process: once that was killed, there is nothing
 * to open, and nobody waits for ever for somebody to write. Borrowed. */
const char *feed_path(const struct feed *feed);
/* After the reader has ended: was everything delivered that it wanted? A reader may stop early. */
int feed_error(struct feed *feed, struct error *err);
void feed_free(struct feed *feed);
/* Ends the feed that was in the open directory `dir` when its process was killed: a reader would wait for
 * ever. */
void feed_abandon(int dir);
CLEANUP_DEFINE(struct feed *, feed_free);
#define _cleanup_feed_ _cleanup_(feed_freep)

#endif
