/* SPDX-License-Identifier: Apache-2.0 */
/* What podset.c, podset_extract.c and podset_insert.c share. Not for others. */
#ifndef SNAP_ARCHIVE_PODSET_PRIVATE_H
#define SNAP_ARCHIVE_PODSET_PRIVATE_H

#include "archive/podset.h"

struct podset {
        char *path;
        char *place;
        int dir;                 /* -1: in a tar */
        struct archive *archive; /* NULL: in a directory */
        struct buffer text;      /* of checkpointed.pods as it was found in a directory */
        struct pods *pods;
};

/* Reads checkpointed.pods of an open directory; `path` names the directory in errors. -ENOENT when there is
 * none. */
int podset_load(int dir, const char *path, struct buffer *text, struct pods **out, struct error *err);

#endif
