/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of archive_verify. Not for others. */
#ifndef SNAP_ARCHIVE_VERIFY_INTERNAL_H
#define SNAP_ARCHIVE_VERIFY_INTERNAL_H

#include "archive/verify.h"

struct verify {
        struct archive *archive;
        const struct progress *progress;
        struct verify_report *report;
        bool sealed;   /* the digests are those of these very bytes */
        bool unpacked; /* the archive is a directory of such bytes: there is nothing else to look at */
};

/* Notes a fault; the reason is formatted. 0 or -ENOMEM. */
int verify_fault(struct verify *verify, const struct error_kind *kind, const char *object, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
/* Turns an error about bad data into a fault and returns 0; anything else is passed on. */
int verify_fault_from(struct verify *verify, const char *object, int ret, struct error *err);

/* Reads the whole archive: headers, digests, padding, index; and hands out what is in the tars that it holds.
 */
int verify_stream(struct verify *verify, struct verify_tars *tars, struct error *err);
/* Of a directory whose files had their digests: compares them with those that snap.json lists, and hands out
 * what is in the tars. */
int verify_unpacked(struct verify *verify, struct verify_tars *tars, struct error *err);

#endif
