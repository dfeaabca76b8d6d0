/* SPDX-License-Identifier: Apache-2.0 */
/* Puts members onto disk, for a restore: beneath one directory, whatever the names say. */
#ifndef SNAP_ARCHIVE_EXTRACT_H
#define SNAP_ARCHIVE_EXTRACT_H

#include "archive/archive.h"
#include "base/progress.h"

/* Writes all files under `prefix` ("checkpoint/") into the open directory `dir`, prefix removed. */
int archive_extract(const struct archive *archive, const char *prefix, int dir,
                    const struct progress *progress, struct error *err);
/*
 * Writes all files of a tar that is part of a checkpoint, a layer of an image, into the open directory `dir`,
 * which may have those of others already. `source` gives the tar as it lies; it is not read to its end.
 * Refuses what archive_open() refuses: names that escape, links, members that are there already. An index of
 * the archive that the image was made of, which means nothing any more, is left out.
 */
int archive_extract_layer(enum compression compression, byte_source source, void *context, const char *what,
                          int dir, struct error *err);
/* Writes one member to a new file. */
int archive_extract_member(const struct archive *archive, const char *name, int dir, const char *to,
                           struct error *err);
/*
 * Unpacks a member that is itself a tar (rootfs-diff.tar; plain or compressed) into the open directory
 * `root`: files, directories, links (targets are kept as text, never followed), modes, owners, times, xattrs
 * of the "user.", "security.capability" and "system.posix_acl" kinds; whiteouts ".wh." remove. Device nodes
 * are refused.
 */
int archive_extract_tree(const struct archive *archive, const char *member, int root,
                         const struct progress *progress, struct error *err);
/* Removes the paths of "deleted.files" beneath `root`, links themselves and not their targets. */
int archive_apply_deleted(const struct archive *archive, int root, struct error *err);

#endif
