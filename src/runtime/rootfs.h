/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container changed in its file system, as the members "rootfs-diff.tar" and "deleted.files"
 * (docs/archive.md). The overlay's upper directory says what changed; what the change is is read through the
 * merged root, for an upper file may be metadata only (metacopy) and a renamed directory incomplete
 * (redirect_dir): Documentation/filesystems/overlayfs.rst. A root that is a plain directory is taken whole.
 */
#ifndef SNAP_RUNTIME_ROOTFS_H
#define SNAP_RUNTIME_ROOTFS_H

#include "runtime/runtime.h"

enum rootfs_form { ROOTFS_DIFF, ROOTFS_FULL };
/* "diff", "full". */
const char *rootfs_form_name(enum rootfs_form form);

struct rootfs_result {
        enum rootfs_form form;
        uint64_t size; /* bytes of rootfs-diff.tar */
};

/* The container must be frozen. */
int rootfs_add(const struct container *container, struct archive_writer *writer,
               const struct progress *progress, struct rootfs_result *out, struct error *err);

#endif
