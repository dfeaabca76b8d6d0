/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a tar stream into its file: cut into blocks that are compressed by a pool, where that is wanted,
 * and written in order by a thread of their own, so that whoever delivers the bytes (CRIU, through a pipe,
 * with a container frozen behind it) waits for neither. Blocks are few and reused: memory is bounded (2 MiB
 * plain, 45 MiB compressed). Used by one thread; the first failure of any is reported by every call after it.
 */
#ifndef SNAP_ARCHIVE_OUTPUT_H
#define SNAP_ARCHIVE_OUTPUT_H

#include "archive/index.h"

struct output;

/* `fd` and `path` (for errors) are borrowed. */
int output_new(int fd, const char *path, enum compression compression, int level, struct output **out,
               struct error *err);
/* What was not drained may be lost. */
void output_free(struct output *output);
CLEANUP_DEFINE(struct output *, output_free);
#define _cleanup_output_ _cleanup_(output_freep)

/* Where the next bytes of the stream may be put, `size` > 0 of them; then say how many were. Waits while all
 * blocks are full. */
int output_room(struct output *output, uint8_t **data, size_t *size, struct error *err);
void output_advance(struct output *output, size_t size);
int output_append(struct output *output, const void *data, size_t size, struct error *err);

/* Ends the frame, so that the next byte starts one. */
int output_cut(struct output *output, struct error *err);
/* A frame of its own that holds `bytes` (at most 64 KiB - 1) uncompressed. */
int output_append_stored(struct output *output, struct slice bytes, struct error *err);
/* Replaces, with as many bytes, what was appended stored at this offset of the stream. Drains. */
int output_replace_stored(struct output *output, uint64_t stream, struct slice bytes, struct error *err);

/* Returns when everything so far is in the file (not: on the disk). Ends the frame. */
int output_drain(struct output *output, struct error *err);

/* Bytes of the stream taken in. */
uint64_t output_stream(const struct output *output);
/* Bytes written to the file. From any thread, never waits. */
uint64_t output_written(const struct output *output);
/* The frames so far, complete after a drain, none when plain; borrowed. */
const struct archive_index *output_frames(const struct output *output);

#endif
