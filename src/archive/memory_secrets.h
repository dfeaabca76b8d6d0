/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets in the memory of all processes, environments among it: each of them once, with the first place.
 */
#ifndef SNAP_ARCHIVE_MEMORY_SECRETS_H
#define SNAP_ARCHIVE_MEMORY_SECRETS_H

#include "archive/memory_scan.h"
#include "base/digest.h"

/* What is found beyond this is only counted. */
#define MEMORY_SECRETS_MAX       10000
#define MEMORY_SECRETS_BYTES_MAX (8 * MIB)

struct memory_secret {
        const char *kind; /* static */
        pid_t pid;        /* where it was seen first, or first in an environment */
        const struct criu_process *process;
        const struct criu_mapping *mapping; /* NULL when it is in none */
        uint64_t address;
        char *variable;     /* of the environment; NULL: elsewhere in memory */
        uint64_t count;     /* how often it was seen */
        struct slice value; /* only with `reveal`; else no data */
        unsigned rank;      /* of its kind */
        struct sha256 digest;
};

/* Zero-initialise. */
struct memory_secrets {
        struct memory_secret *items; /* by process, environment first, then by address */
        size_t count, capacity;
        uint64_t bytes;   /* of values that are kept */
        uint64_t omitted; /* places that were seen beyond the limits */
        uint64_t absent;  /* see memory_scan_run */
};

/* `reveal`: keep the secrets themselves. See memory_scan_run for `dump`, which is borrowed. */
int memory_secrets_find(struct archive *archive, struct criu_dump **dump, bool reveal,
                        const struct progress *progress, struct memory_secrets *out, struct error *err);
/* Wipes the values. */
void memory_secrets_free(struct memory_secrets *secrets);
#define _cleanup_memory_secrets_ _cleanup_(memory_secrets_free)

#endif
