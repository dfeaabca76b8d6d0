/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint unpacked for the time of its restore: a directory that only root can look into, because memory
 * is in it. Whoever has it holds its lock, so that what a killed restore left is known to be nobody's.
 */
#ifndef SNAP_RUNTIME_STAGE_H
#define SNAP_RUNTIME_STAGE_H

#include "archive/archive.h"
#include "base/progress.h"

#define STAGE_PARENT  "/var/lib/snap/restore"
#define STAGE_MEMBERS "archive" /* the directory on a stage that the members are in */

struct stage;

struct registry_access;

/*
 * Unpacks the checkpoint `text` (oci/location.h; an image only if the policy admits it) and verifies it: of
 * an image every byte has its digest on the way in, anything else is read beside the unpacking as
 * archive_verify() reads it. `access` may be NULL.
 */
int stage_open(const char *text, const struct registry_access *access, const struct progress *progress,
               struct stage **out, struct error *err);
/* Unpacks an archive that has passed archive_verify_file() and is still open, at its beginning: the same
 * bytes, so it is not verified again. `path` names it. */
int stage_open_verified(int file, const char *path, const struct progress *progress, struct stage **out,
                        struct error *err);
/* What was unpacked, called by its text in errors. Borrowed. */
struct archive *stage_archive(const struct stage *stage);
/* The directory with CRIU's images. Absolute; borrowed. */
const char *stage_images(const struct stage *stage);
/* Where whoever restores may put more; it goes with the stage. Absolute; borrowed. */
const char *stage_path(const struct stage *stage);
/* Removes it all. */
void stage_free(struct stage *stage);
CLEANUP_DEFINE(struct stage *, stage_free);
#define _cleanup_stage_ _cleanup_(stage_freep)

/* Removes what killed restores left, unless their engine is still at it. */
int stage_recover(struct error *err);

#endif
