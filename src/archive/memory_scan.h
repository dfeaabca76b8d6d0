/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams the memory of processes out of an archive, in place and in bounded memory: in one forward pass,
 * which skips what is not memory where the archive allows it. Windows are looked at by several threads at
 * once; what they found is taken in order: that of the pages files in the archive, within each by ascending
 * address. A process has one for its own memory; those of shared memory stand beside them.
 */
#ifndef SNAP_ARCHIVE_MEMORY_SCAN_H
#define SNAP_ARCHIVE_MEMORY_SCAN_H

#include "archive/archive.h"
#include "base/progress.h"
#include "criu/dump.h"

/* Bytes to look at, with what stands around them in the memory of the process. */
struct memory_window {
        const struct criu_process *process;
        uint64_t address;     /* of data[0] */
        const uint8_t *data;  /* `before` bytes may be read in front of it */
        size_t size;          /* a multiple of CRIU_PAGE_SIZE */
        size_t before, after; /* as many as were asked for, or all up to where the memory begins or ends */
        bool first;           /* the memory begins within `before`: nothing is in front of data[-before] */
        bool last;            /* the memory ends with data[size + after - 1] */
};

struct memory_scan {
        pid_t pid; /* 0: all processes */
        /* Of a window at most; `size` and `after` are multiples of CRIU_PAGE_SIZE, `size` two or more. Every
         * byte is in exactly one window, and shown around its neighbours. */
        size_t size, before, after;
        /* Appends what is found to `result`, which is bytes to nobody but `take`. In several threads. */
        int (*look)(void *context, const struct memory_window *window, struct buffer *result,
                    struct error *err);
        /* Called for each window in order, in the caller's thread. */
        int (*take)(void *context, const struct memory_window *window, struct slice result,
                    struct error *err);
        /* What was taken is void: it begins again. NULL: that cannot be, everything is taken once. */
        int (*restart)(void *context, struct error *err);
        void *context;
        const struct progress *progress; /* may be NULL */
};

/*
 * The dump is that of the archive, with its mappings. NULL: it is loaded here, and the caller's, also on
 * failure. The archive may be unread: it is read here, and looked at already by that reading where that can
 * be (memory_ahead.h). The processes of windows last only for the call. `absent` gets the bytes that the page
 * maps list but an earlier dump holds. A result of `look` or `take` other than 0 ends the scan and is
 * returned. -ESRCH (ERROR_NOT_FOUND): see memory_scan_check.
 */
int memory_scan_run(struct archive *archive, struct criu_dump **dump, const struct memory_scan *scan,
                    uint64_t *absent, struct error *err);
/* Is the process in the dump, and has it memory? Else -ESRCH (ERROR_NOT_FOUND). */
int memory_scan_check(const struct criu_dump *dump, pid_t pid, struct error *err);

#endif
