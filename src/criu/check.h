/* SPDX-License-Identifier: Apache-2.0 */
/* Do the files of a dump agree with each other? Every fault is named; none is repaired. */
#ifndef SNAP_CRIU_CHECK_H
#define SNAP_CRIU_CHECK_H

#include "criu/source.h"

/* Called for each of the first CRIU_CHECK_FAULTS faults; `object` is a file name of the dump. */
#define CRIU_CHECK_FAULTS 1000
typedef void (*criu_fault)(void *context, const char *object, const char *reason);

/*
 * Checks inventory, process tree, that every process has its core, mm, pagemap, ids, fs and descriptor files,
 * that every record parses, that pagemap and pages agree in number and size (CRIU 4.2's 64-bit count
 * included), that every descriptor refers to a known file. Returns the number of faults, or a negative errno
 * when it could not look.
 */
int criu_check(const struct criu_source *source, criu_fault fault, void *context, struct error *err);

/* Regular files that the processes hold open or mapped, with the sizes CRIU will insist on at restore. */
struct criu_expected_file {
        char *path;    /* absolute, in the container */
        uint64_t size; /* bytes, from RegFileEntry.size */
        uint32_t mount_id;
};
int criu_expected_files(const struct criu_source *source, struct criu_expected_file **out, size_t *count,
                        struct error *err);
void criu_expected_files_free(struct criu_expected_file *files, size_t count);

#endif
