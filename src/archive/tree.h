/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a container's file system, made beneath the container's root whatever its name says. */
#ifndef SNAP_ARCHIVE_TREE_H
#define SNAP_ARCHIVE_TREE_H

#include "archive/walk.h"

/* A path of more components than this is refused. */
#define TREE_DEPTH_MAX 256

/*
 * Opens the directory (O_PATH) that holds `path` beneath `root`; `base` is the last component, within `path`.
 * No link is followed. `make`: missing directories are made, 0755. -ENOENT when it is missing; -ELOOP,
 * -ENOTDIR when a link or a file stands in its way: then nothing has that path. `path` is safe.
 */
int tree_open_parent(int root, const char *path, bool make, const char **base, struct error *err);

/*
 * Makes the current entry of `walk` at `path`, in place of what is there, with contents, owner, mode, times
 * and attributes. A directory that is there is kept. `root` itself is named "".
 */
int tree_make_entry(int root, const char *path, struct tar_walk *walk, struct error *err);

/* Removes what has that path; a link, not its target. Nothing there is fine. */
int tree_remove(int root, const char *path, struct error *err);
/* Removes what is in the directory. */
int tree_empty(int root, const char *path, struct error *err);

#endif
