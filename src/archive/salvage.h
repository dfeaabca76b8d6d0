/* SPDX-License-Identifier: Apache-2.0 */
/* What is whole in an archive that may be cut short or damaged. For repair only: everybody else refuses
 * those. */
#ifndef SNAP_ARCHIVE_SALVAGE_H
#define SNAP_ARCHIVE_SALVAGE_H

#include "archive/archive.h"
#include "base/progress.h"

enum index_state { INDEX_MISSING, INDEX_WRONG, INDEX_GOOD };

struct salvage {
        struct archive *archive; /* its complete members, in order; read forward only, never by its index */
        enum index_state index;
        bool facts_damaged; /* snap.json is complete but cannot be read */
        struct error why;   /* why it ends before its end marker; no kind: it does not */
        uint64_t
                end; /* stream offset of what is dropped: behind the last complete member or the end marker */
        char *incomplete; /* the member that is cut off; NULL: none */
        uint64_t incomplete_size;
};

/* Zero-initialise. Names that escape, links and doubles are refused as ever. -EBADMSG (ERROR_ARCHIVE_NOT_ONE)
 * for what does not begin like a tar. `fd` is read from where it stands and stays the caller's; `name` stands
 * in errors. */
int salvage_open(int fd, const char *name, const struct progress *progress, struct salvage *out,
                 struct error *err);
void salvage_done(struct salvage *salvage);
#define _cleanup_salvage_ _cleanup_(salvage_done)

#endif
