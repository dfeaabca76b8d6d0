/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian's own side, and what the two sides say to each other. */
#ifndef SNAP_RUNTIME_GUARD_CHILD_H
#define SNAP_RUNTIME_GUARD_CHILD_H

#include <limits.h>
#include "runtime/guard.h"

/* Each is answered by the same kind with 0 or a negative errno, but GUARD_RELEASE, which ends the guardian.
 * GUARD_ENDED, with the runtime's exit status, comes by itself. */
enum guard_request {
        GUARD_WATCH,
        GUARD_FREEZE,
        GUARD_RUN,
        GUARD_BREAK,
        GUARD_THAW,
        GUARD_RELEASE,
        GUARD_ENDED
};

struct guard_message {
        enum guard_request kind;
        char path[PATH_MAX]; /* GUARD_WATCH; sent only as far as it is used */
};

struct guard_answer {
        enum guard_request kind;
        int value;
        uint64_t at_us; /* monotonic, when it was done */
};

/* Never returns. `alive` is a descriptor to be held as long as the dump may last. Runs after a fork of a
 * process that may have threads: it keeps to system calls as far as it can. */
void guard_child_main(const struct guard_plan *plan, int socket, int alive) __attribute__((noreturn));

#endif
