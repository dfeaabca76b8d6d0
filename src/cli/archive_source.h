/* SPDX-License-Identifier: Apache-2.0 */
/* What a person names when they mean a checkpoint: an archive, a directory, or an image in a layout. */
#ifndef SNAP_CLI_ARCHIVE_SOURCE_H
#define SNAP_CLI_ARCHIVE_SOURCE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/progress.h"

struct archive_source {
        char *path;      /* of the archive */
        char *directory; /* temporary, with the archive made of an image; NULL when the archive was there */
};

/* An image is turned into an archive in a private directory under TMPDIR (/var/tmp). */
int archive_source_open(const char *text, const struct progress *progress, struct archive_source *out,
                        struct error *err);
/* Removes what was temporary. */
void archive_source_close(struct archive_source *source);
#define _cleanup_archive_source_ _cleanup_(archive_source_close)

/* Does the text name an image or an existing file? */
bool archive_source_exists(const char *text);

#endif
