/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent gives up (docs/node.md, "Rights of the process"). It is root, since it reads what root alone
 * may read; of root's capabilities it keeps those that its drivers need, and its threads and children may not
 * call what none of them needs.
 *
 * A filter of system calls is inherited, and cannot be on CRIU: the kernel lets nobody under a filter read or
 * suspend another process's filter, which every container of Podman has. Nor may the processes of a restored
 * container have our filter or "no new privileges". So the node's workers, which start CRIU, have neither
 * where a driver dumps by CRIU itself; the threads that talk to the network have both.
 */
#ifndef SNAP_SIDECAR_PRIVILEGES_H
#define SNAP_SIDECAR_PRIVILEGES_H

#include <stdbool.h>
#include "base/error.h"

/* For all threads and children, from now on. `runs_criu`: does a driver dump or restore by CRIU itself, in
 * place of asking a runtime? ERROR_AGENT_PRIVILEGES when this is not root. */
int privileges_keep(bool runs_criu, struct error *err);

/* What a thread and all that it starts may not call from now on. */
enum call_filter {
        FILTER_MACHINE, /* what changes the machine itself: modules, kexec, clock, swap, … */
        FILTER_REMOTE,  /* for agents without CRIU: that, and what makes containers */
        FILTER_READER,  /* for one that reads an archive: that, and sockets and everything near the kernel */
};
/* With "no new privileges". Async-signal-safe. 0 or a negative errno. */
int privileges_filter(enum call_filter filter);

/* For a child of ours that reads what strangers wrote: nobody's rights, no network, no new files, bounded
 * memory and time. Async-signal-safe. 0 or a negative errno. */
int privileges_drop_all(void);

#endif
