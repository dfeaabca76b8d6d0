/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: whole reads with a limit, opening of untrusted names beneath a directory, and a writer whose file
 * appears whole or not at all (temporary name in the same directory, 0600, fsync, rename, fsync of
 * directory).
 */
#ifndef SNAP_BASE_FILE_H
#define SNAP_BASE_FILE_H

#include <sys/types.h>
#include <sys/stat.h>
#include "base/bytes.h"
#include "base/error.h"

/* Loops over short reads and EINTR. Returns bytes read (less than `size` only at the end) or a negative
 * errno. */
ssize_t file_read_full(int fd, void *data, size_t size);
ssize_t file_pread_full(int fd, void *data, size_t size, uint64_t offset);
/* 0 or a negative errno. */
int file_write_full(int fd, const void *data, size_t size);
int file_pwrite_full(int fd, const void *data, size_t size, uint64_t offset);

/* Reads a regular file of at most `limit` bytes (appended to `out`). -EFBIG when larger. `dir` may be
 * AT_FDCWD. */
int file_read(int dir, const char *path, uint64_t limit, struct buffer *out, struct error *err);

/*
 * Opens an untrusted relative name: never leaves `dir`, never follows a link (openat2 with RESOLVE_BENEATH,
 * RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS). Returns a file descriptor (O_CLOEXEC) or a negative errno;
 * -ELOOP or -EXDEV is an attempt to escape.
 */
int file_open_beneath(int dir, const char *name, int flags, mode_t mode);
/* Makes the directory `name` and its missing parents beneath `dir`, mode 0700. */
int file_mkdir_beneath(int dir, const char *name, struct error *err);
/* True for a relative, non-empty name without "", "." (but "./" in front is fine) or ".." components and
 * NULs. */
bool file_name_is_safe(const char *name);
/* Makes an ordinary directory path and its missing parents ("mkdir -p"), trusted names only. */
int file_mkdir_all(const char *path, mode_t mode, struct error *err);
/* Removes a tree without following links or crossing mounts; absent is fine. */
int file_remove_tree(int dir, const char *name, struct error *err);

/* Free bytes for root on the file system of `path` (its nearest existing parent). */
int file_free_space(const char *path, uint64_t *out, struct error *err);

/* Gives `from`, that another program wrote on the same file system, its final name, as file_writer_commit()
 * does, and mode 0600. `from` stays where it is on failure. */
int file_install(const char *from, const char *path, bool replace, struct error *err);

struct file_writer;

/* Creates "<dir of path>/.<name>.<random>.tmp", 0600. `path` itself must not exist unless `replace`. */
int file_writer_open(const char *path, bool replace, struct file_writer **out, struct error *err);
/* The same in two steps: the first only says where it will lie, so that somebody knows before it is there. */
int file_writer_new(const char *path, bool replace, struct file_writer **out, struct error *err);
int file_writer_create(struct file_writer *writer, struct error *err);
int file_writer_fd(const struct file_writer *writer);
/* Where the bytes lie until commit. Borrowed. */
const char *file_writer_temp_path(const struct file_writer *writer);
/* Another last component for the final path, for a file that is named after its contents. */
int file_writer_set_name(struct file_writer *writer, const char *name, struct error *err);
/* fsync, rename (RENAME_NOREPLACE unless `replace`; -EEXIST), fsync of the directory. */
int file_writer_commit(struct file_writer *writer, struct error *err);
/* Removes the temporary unless committed. */
void file_writer_free(struct file_writer *writer);
CLEANUP_DEFINE(struct file_writer *, file_writer_free);
#define _cleanup_file_writer_ _cleanup_(file_writer_freep)

#endif
