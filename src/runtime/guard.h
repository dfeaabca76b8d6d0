/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a child process, deaf to signals that end a session, that freezes the container, starts the
 * runtime's dump and thaws. It outlives us: when we are gone (kill -9, a crash) before guard_free, it breaks
 * the dump off in the way that leaves the processes whole, thaws them and removes what we left unfinished.
 */
#ifndef SNAP_RUNTIME_GUARD_H
#define SNAP_RUNTIME_GUARD_H

#include "runtime/cgroup.h"
#include "runtime/pages.h"

struct guard;

/* All borrowed; needed until guard_free. */
struct guard_plan {
        const struct cgroup *cgroup;
        bool keep_frozen; /* it was frozen before we came, and stays so */
        struct pages *pages;
        const char *program;            /* the runtime, absolute, … */
        const char *const *argv;        /* … its arguments … */
        const char *const *environment; /* … and whole environment */
        int output;                     /* descriptor of a file for its standard output and error */
        int lock;                       /* lock_acquire(): held until the guardian and the runtime are gone */
        int keeper;                     /* lock_acquire_keeper(): held until we and the guardian are gone */
        unsigned freeze_timeout_ms;
        const char *work_directory; /* removed when we die */
        /* Of a pod: files, NULL-terminated, that are removed when we die, and the directory made for them,
         * which goes with the last of them; other guardians look after what else is in it. NULL: none. */
        const char *const *parts;
        const char *parts_directory;
        const char *mark; /* file that says what is to be undone; removed when we die, the last of all */
};

int guard_start(const struct guard_plan *plan, struct guard **out, struct error *err);
/* Tells which unfinished file to remove when we die. */
int guard_watch(struct guard *guard, const char *temporary, struct error *err);
/* Asks for it; guard_freeze waits. So several containers can be frozen at one instant. */
int guard_freeze_begin(struct guard *guard, struct error *err);
/* `at_us` (may be NULL): when it stood still (monotonic). ERROR_FREEZE; the container runs on then. */
int guard_freeze(struct guard *guard, uint64_t *at_us, struct error *err);
/* Starts the runtime. */
int guard_run(struct guard *guard, struct error *err);
/* Readable when the runtime has ended. */
int guard_descriptor(const struct guard *guard);
/* Waits for the runtime's end; its exit status, 128 + signal when killed. */
int guard_wait(struct guard *guard, int *exit_status, struct error *err);
/* Breaks the dump off. Our own pages must be freed by the caller; then guard_wait. */
int guard_break(struct guard *guard, struct error *err);
/* The same two steps. */
int guard_thaw_begin(struct guard *guard, struct error *err);
int guard_thaw(struct guard *guard, struct error *err);
/* Breaks off what still runs, thaws, and waits for the guardian's end. Our own pages must be freed before.
 * False when the container could not be thawed. */
bool guard_free(struct guard *guard);

#endif
