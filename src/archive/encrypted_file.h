/* SPDX-License-Identifier: Apache-2.0 */
/* An encrypted archive (docs/encryption.md) in a file: read at any place, and written from beginning to end.
 */
#ifndef SNAP_ARCHIVE_ENCRYPTED_FILE_H
#define SNAP_ARCHIVE_ENCRYPTED_FILE_H

#include "archive/archive.h"
#include "archive/encrypted_header.h"

struct encrypted_file;

/* Does the file have one from `offset` on? `name` stands in errors. */
int encrypted_file_is_one(int fd, uint64_t offset, const char *name, bool *is_one, struct error *err);

/*
 * With the keys of this process (key_ring.h). The last frame has been verified: nothing is missing at the
 * end, as far as the file goes. `size` are its bytes from `offset` on; `fd` stays the caller's.
 *
 * Reading refuses, each with its own kind: a frame that was altered (ERROR_ENCRYPTED_FRAME), one that is in
 * the place of another (ERROR_ENCRYPTED_ORDER), a missing end (ERROR_ENCRYPTED_TRUNCATED).
 */
int encrypted_file_open(int fd, uint64_t offset, uint64_t size, const char *name, struct encrypted_file **out,
                        struct error *err);
void encrypted_file_free(struct encrypted_file *file);
CLEANUP_DEFINE(struct encrypted_file *, encrypted_file_free);
#define _cleanup_encrypted_file_ _cleanup_(encrypted_file_freep)

/* Bytes of what was encrypted. */
uint64_t encrypted_file_size(const struct encrypted_file *file);
/* Exactly `size` bytes from `offset` of them. Any thread may. */
int encrypted_file_read(struct encrypted_file *file, uint64_t offset, void *data, size_t size,
                        struct error *err);
/* The same as a part of an archive, which takes the file over. */
struct archive_remote encrypted_file_remote(struct encrypted_file *file);

struct encrypted_writer;

/* Borrows the descriptor of an empty file. */
int encrypted_writer_new(int fd, const struct recipients *recipients, struct encrypted_writer **out,
                         struct error *err);
int encrypted_writer_append(struct encrypted_writer *writer, struct slice bytes, struct error *err);
int encrypted_writer_finish(struct encrypted_writer *writer, struct error *err);
void encrypted_writer_free(struct encrypted_writer *writer);
CLEANUP_DEFINE(struct encrypted_writer *, encrypted_writer_free);
#define _cleanup_encrypted_writer_ _cleanup_(encrypted_writer_freep)

#endif
