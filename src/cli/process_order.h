/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a dump in the order of their tree, children by PID, without recursion. */
#ifndef SNAP_CLI_PROCESS_ORDER_H
#define SNAP_CLI_PROCESS_ORDER_H

#include "criu/dump.h"

struct process_place {
        const struct criu_process *process; /* borrowed from the dump */
        unsigned depth;                     /* 0: a root */
};

/* All processes, or those from `root` down when it is not 0; `out` is to be freed. Returns their number: 0
 * when there is no such process. Children of processes that are dead or zombies are kept. */
size_t process_order(const struct criu_dump *dump, pid_t root, struct process_place **out);

#endif
