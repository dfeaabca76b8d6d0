/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads everything again and says what is wrong: tar structure and digests, that the metadata parses, that
 * CRIU's files agree with each other, that files the processes hold open have in rootfs-diff.tar the size
 * that CRIU recorded. A verified archive is what "Completed" means.
 */
#ifndef SNAP_ARCHIVE_VERIFY_H
#define SNAP_ARCHIVE_VERIFY_H

#include "archive/archive.h"
#include "base/progress.h"

struct verify_fault {
        const struct error_kind *kind;
        char *object; /* member name */
        char *reason;
};

struct verify_report {
        struct verify_fault *faults;
        size_t fault_count;
        uint64_t bytes_read, members, digests_checked;
        bool digests_present; /* false for other engines' archives: content cannot be proven, only structure
                               */
};

/* 0 when it could look at everything it needs; faults are in the report. `path` may be a directory. */
int archive_verify(const char *path, const struct progress *progress, struct verify_report *out,
                   struct error *err);
/* The same for an open file, from where it stands; `path` names it. */
int archive_verify_file(int fd, const char *path, const struct progress *progress, struct verify_report *out,
                        struct error *err);
/* The same for an archive that is open, wherever it lies, and may be unread; a failure to open or to read it
 * is not among the faults then. */
int archive_verify_open(struct archive *archive, const struct progress *progress, struct verify_report *out,
                        struct error *err);
/* The same for an archive that archive_writer_seal() has just written: that read every byte back, compared it
 * with what was taken in and computed the digests from it, so they are not computed again. */
int archive_verify_sealed(const char *path, const struct progress *progress, struct verify_report *out,
                          struct error *err);
/* The same for a directory whose files had their digests when they were written into it: contents are not
 * read again. */
int archive_verify_unpacked(struct archive *archive, const struct progress *progress,
                            struct verify_report *out, struct error *err);
/* A part of it, for who goes through an archive for another reason: the tars that it holds, and the open
 * files against the sizes that CRIU recorded. Borrows `archive`; faults are added to `report`. */
struct verify_tars;
int verify_tars_new(struct archive *archive, const struct progress *progress, struct verify_report *report,
                    struct verify_tars **out, struct error *err);
/* Of each entry of each tar, in order. */
int verify_tars_entry(struct verify_tars *tars, const struct archive_member *member,
                      const struct tar_entry *entry, struct error *err);
/* When the archive is read. */
int verify_tars_finish(struct verify_tars *tars, struct error *err);
void verify_tars_free(struct verify_tars *tars);
CLEANUP_DEFINE(struct verify_tars *, verify_tars_free);
#define _cleanup_verify_tars_ _cleanup_(verify_tars_freep)
/* The faults as one error (kind of the first), for callers that only go on when there are none. */
int verify_report_error(const struct verify_report *report, const char *path, struct error *err);
void verify_report_free(struct verify_report *report);
#define _cleanup_verify_report_ _cleanup_(verify_report_free)

#endif
