/* SPDX-License-Identifier: Apache-2.0 */
/* The image's own view of a path: the lower directories of an overlay, without what the container changed. */
#ifndef SNAP_RUNTIME_LOWERS_H
#define SNAP_RUNTIME_LOWERS_H

#include <sys/stat.h>
#include <stdbool.h>
#include "base/cleanup.h"
#include "base/error.h"

struct lowers;

/* `paths`: top first, NULL-terminated; NULL: none. */
int lowers_open(char *const *paths, struct lowers **out, struct error *err);
void lowers_free(struct lowers *lowers);
CLEANUP_DEFINE(struct lowers *, lowers_free);
#define _cleanup_lowers_ _cleanup_(lowers_freep)

/* Status of `path` (relative) in the image, no link followed. -ENOENT when it has none. */
int lowers_stat(const struct lowers *lowers, const char *path, struct stat *out);
/* Calls `each` for the names that the image has in the directory `path`, perhaps more than once, until it
 * returns non-zero, which is passed on. Nothing when that is no directory. */
int lowers_list(const struct lowers *lowers, const char *path, int (*each)(void *context, const char *name),
                void *context);

/* How overlayfs marks what an upper layer removes: a character device 0:0, or (in directories with opaque
 * "x") an empty file with the attribute "overlay.whiteout". `dir` is the directory that has `name`. */
bool overlay_is_whiteout(int dir, const char *name, const struct stat *status);
/* Attribute "trusted.overlay.NAME" (or "user.overlay.NAME", for mounts made without rights) of the directory;
 * its first byte, 0 when absent. */
char overlay_attribute(int dir, const char *name);

#endif
