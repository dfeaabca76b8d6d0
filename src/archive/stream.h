/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expanded bytes of an archive, or the contents of one member, read forward with constant memory whatever
 * the archive's form. One thread at a time for each stream. Borrows the archive.
 */
#ifndef SNAP_ARCHIVE_STREAM_H
#define SNAP_ARCHIVE_STREAM_H

#include "archive/archive.h"

struct stream;

struct part;

/* The whole tar stream, of several parts one after another. Not for directories. */
int stream_open(const struct archive *archive, struct stream **out, struct error *err);
/* The whole expanded tar of a part. `verify`: it will be read to its end without skipping, and must then have
 * had the digest that the part has (ERROR_ARCHIVE_DIGEST); a part that has none is as it is. */
int stream_open_part(const struct archive *archive, const struct part *part, bool verify, struct stream **out,
                     struct error *err);
/* The contents of one member. `expand`: when they are compressed themselves (containerd's rootfs-diff.tar
 * is), expanded. */
int stream_open_member(const struct archive *archive, const struct archive_member *member, bool expand,
                       struct stream **out, struct error *err);
/* The next `size` bytes of `outer`, which is borrowed and stands behind what was read of them. `what` names
 * them in errors and is borrowed. `expand` as above. */
int stream_open_within(struct stream *outer, uint64_t size, const char *what, bool expand,
                       struct stream **out, struct error *err);
/* Another stream, read ahead by a thread of its own. Takes it over, also when it fails. */
int stream_open_ahead(struct stream *source, struct stream **out, struct error *err);
/* Bytes in memory; `bytes` and `what`, which names them in errors, are borrowed. */
int stream_open_memory(struct slice bytes, const char *what, struct stream **out, struct error *err);
/* What `source` gives, expanded; `context` and `what` are borrowed. */
int stream_open_source(enum compression compression, byte_source source, void *context, const char *what,
                       struct stream **out, struct error *err);
void stream_free(struct stream *stream);
CLEANUP_DEFINE(struct stream *, stream_free);
#define _cleanup_stream_ _cleanup_(stream_freep)

/* Of a stream that cannot seek: gets all that is read and passed over, in order, and may end it. */
typedef int (*stream_tap)(void *context, struct slice bytes, struct error *err);
void stream_set_tap(struct stream *stream, stream_tap tap, void *context);

/* Short only at the end. */
ssize_t stream_read(struct stream *stream, void *data, size_t size, struct error *err);
/* Goes forward without reading where the form allows. -EBADMSG (ERROR_ARCHIVE_TRUNCATED) beyond the end. */
int stream_skip(struct stream *stream, uint64_t size, struct error *err);
/* Bytes read and skipped so far. */
uint64_t stream_position(const struct stream *stream);
/* How far it is in the file that it comes from, as that lies there. */
uint64_t stream_source_position(const struct stream *stream);

#endif
