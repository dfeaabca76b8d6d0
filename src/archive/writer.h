/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a checkpoint archive in one pass: a tar file, plain or in independent compressed frames, that
 * appears whole or not at all. A member's size need not be known beforehand: its header is filled in at its
 * end. While writing, each member gets a CRC-32C; its SHA-256 is computed when the finished bytes are read
 * back (archive_writer_follow, archive_writer_seal), so that a container need not stay frozen for a hash and
 * every byte is hashed once.
 *
 * Layout of the end: member "snap.json" (facts, and size, CRC and SHA-256 of each member), member
 * "snap.index" (offsets; docs/archive.md), two blocks of zeros. Stock readers see two more small files. One
 * thread at a time.
 */
#ifndef SNAP_ARCHIVE_WRITER_H
#define SNAP_ARCHIVE_WRITER_H

#include "archive/errors.h"
#include "archive/tar.h"
#include "base/compress.h"
#include "base/digest.h"
#include "base/progress.h"

struct archive_writer;

int archive_writer_open(const char *path, bool replace, enum compression compression, int level,
                        struct archive_writer **out, struct error *err);
/* The same in two steps: the first only says where it will lie (archive_writer_temp_path()), so that somebody
 * knows before it is there. */
int archive_writer_new(const char *path, bool replace, struct archive_writer **out, struct error *err);
int archive_writer_create(struct archive_writer *writer, enum compression compression, int level,
                          struct error *err);

/* Before the first member: reads back and digests a plain archive behind the writing already, with what
 * processors have to spare, for who must not be made to wait. Needs CAP_SYS_NICE to end that soon on a busy
 * machine. */
int archive_writer_follow(struct archive_writer *writer, struct error *err);

/* A whole member from memory; for directories `data` is empty and the name ends in '/'. */
int archive_writer_add(struct archive_writer *writer, const char *name, uint32_t mode, struct slice data,
                       struct error *err);
/* A member whose size is known when it ends: begin, any number of appends, end. Not nested. */
int archive_writer_begin(struct archive_writer *writer, const char *name, uint32_t mode, struct error *err);
int archive_writer_append(struct archive_writer *writer, const void *data, size_t size, struct error *err);
/* One read of `fd` (a file, a pipe) straight into the member, without a copy: the number of bytes, 0 at its
 * end, -EAGAIN when there is nothing now and `fd` does not wait. */
ssize_t archive_writer_append_read(struct archive_writer *writer, int fd, struct error *err);
int archive_writer_end(struct archive_writer *writer, struct error *err);
/* A whole member from an open regular file. */
int archive_writer_add_fd(struct archive_writer *writer, const char *name, uint32_t mode, int fd,
                          struct error *err);

/* Bytes taken in, and bytes written to the file. */
uint64_t archive_writer_input(const struct archive_writer *writer);
uint64_t archive_writer_output(const struct archive_writer *writer);
/* Temporary path, for a guardian that cleans up when we are killed. Borrowed. */
const char *archive_writer_temp_path(const struct archive_writer *writer);

/*
 * Flushes, reads back what has not been yet (SHA-256 and CRC of each member; -EIO when a CRC differs from
 * what was taken in), appends "snap.json" made of `facts` (a JSON object text; "members" is added, and what
 * it says of a member there already stands) and "snap.index", fsync. The file is complete but still under its
 * temporary name, so that it can be verified before anybody sees it.
 *
 * `whole` (may be NULL): SHA-256 of the file. It cannot be begun before: headers, which are filled in at the
 * end of their members, come first; so a file that was
 * followed is read once more.
 */
int archive_writer_seal(struct archive_writer *writer, struct slice facts, const struct progress *progress,
                        struct sha256 *whole, struct error *err);
/* Rename to the final name; only after seal. */
int archive_writer_commit(struct archive_writer *writer, struct error *err);
/* Removes what was not committed. */
void archive_writer_free(struct archive_writer *writer);
CLEANUP_DEFINE(struct archive_writer *, archive_writer_free);
#define _cleanup_archive_writer_ _cleanup_(archive_writer_freep)

#endif
