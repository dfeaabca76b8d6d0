/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a tree that a container controls, as entries of a tar that is a member of the archive. */
#ifndef SNAP_RUNTIME_ENTRIES_H
#define SNAP_RUNTIME_ENTRIES_H

#include <sys/stat.h>
#include "archive/writer.h"

struct entries;

/* Begins the member. */
int entries_open(struct archive_writer *writer, const char *member, struct entries **out, struct error *err);
/*
 * Adds `leaf` of the open directory `dir` as `name` (relative; a directory's without its slash): regular
 * files with contents and their further names as hard links, directories without what is in them, symbolic
 * links, pipes, devices; owners, modes, times, and the attributes "user.*", "security.capability",
 * "system.posix_acl_*". Sockets are left out, for they mean nothing without who listens. Links are never
 * followed. `status` is that of the file.
 */
int entries_add(struct entries *entries, int dir, const char *leaf, const char *name,
                const struct stat *status, struct error *err);
/* An empty regular file. */
int entries_add_empty(struct entries *entries, const char *name, struct error *err);
/* Bytes so far. */
uint64_t entries_size(const struct entries *entries);
/* Ends the tar and the member. */
int entries_end(struct entries *entries, struct error *err);
void entries_free(struct entries *entries);
CLEANUP_DEFINE(struct entries *, entries_free);
#define _cleanup_entries_ _cleanup_(entries_freep)

#endif
