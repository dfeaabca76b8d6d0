/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a large new file from its beginning, past the page cache where the file system can: such a file
 * would drive out of the cache what others need, and wait there for the disk all the same. */
#ifndef SNAP_BASE_BULK_WRITER_H
#define SNAP_BASE_BULK_WRITER_H

#include "base/bytes.h"
#include "base/error.h"

struct bulk_writer;

/* Borrows the descriptor of an empty file at offset 0, or of a pipe or device. */
int bulk_writer_new(int fd, struct bulk_writer **out, struct error *err);
/* 0 or a negative errno. What was written is in the file only after bulk_writer_finish. */
int bulk_writer_write(struct bulk_writer *writer, struct slice bytes);
/* Writes the rest. The descriptor is as it was before. */
int bulk_writer_finish(struct bulk_writer *writer);
void bulk_writer_free(struct bulk_writer *writer);
CLEANUP_DEFINE(struct bulk_writer *, bulk_writer_free);
#define _cleanup_bulk_writer_ _cleanup_(bulk_writer_freep)

#endif
