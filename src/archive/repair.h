/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a new archive of what is whole in one that was cut short or damaged, or that has no index. The old
 * file is never written to. What was captured stays recorded: a member that is lost or altered remains listed
 * in snap.json as it was, so that nobody takes the new archive for more than it is.
 */
#ifndef SNAP_ARCHIVE_REPAIR_H
#define SNAP_ARCHIVE_REPAIR_H

#include "archive/salvage.h"

/* Member names are owned. Zero-initialise. */
struct repair_report {
        bool written;            /* false: there was nothing to repair */
        enum index_state index;  /* of the old archive */
        uint64_t members, bytes; /* kept */
        char *ended;             /* why reading ended before the end marker; NULL: it did not */
        char *incomplete;        /* the member that is cut off and was dropped; NULL: none */
        char **lost;             /* others that snap.json lists, but were not found */
        size_t lost_count;
        char **altered; /* kept, though their contents are not those that were captured */
        size_t altered_count;
        bool facts_lost;    /* one of ours, but snap.json is gone or damaged: digests are of today */
        bool digests;       /* contents could be compared with what was captured */
        bool complete;      /* no member can be missing */
        uint64_t tail_size; /* bytes dropped into the tail file; 0: there is none */
};

/*
 * Writes `output` and, when bytes are dropped that are not all zeros, `tail` with those (expanded): both
 * appear whole or not at all, and must not exist. The compression is that of the old archive. -EBADMSG
 * (ERROR_ARCHIVE_TRUNCATED) when no member is complete. `fd` is read from where it stands and stays the
 * caller's; `name` stands in errors.
 */
int archive_repair(int fd, const char *name, const char *output, const char *tail,
                   const struct progress *progress, struct repair_report *out, struct error *err);
void repair_report_free(struct repair_report *report);
#define _cleanup_repair_report_ _cleanup_(repair_report_free)

#endif
