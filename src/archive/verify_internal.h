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

/* Reads the whole stream: headers, digests, padding, index. */
int verify_stream(struct verify *verify, struct error *err);
/* Compares the members with those that snap.json lists. */
int verify_listed(struct verify *verify, struct error *err);
/* Looks into the tars that the archive holds, and compares open files with what CRIU recorded. */
int verify_files(struct verify *verify, struct error *err);

#endif
