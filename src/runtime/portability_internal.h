/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of portability_check share. Checks return 0 or a negative errno. */
#ifndef SNAP_RUNTIME_PORTABILITY_INTERNAL_H
#define SNAP_RUNTIME_PORTABILITY_INTERNAL_H

#include "runtime/host.h"
#include "runtime/portability.h"

struct portability {
        struct archive *archive;
        const struct verify_report *files;
        const struct metadata *metadata;
        const struct criu_dump *dump;
        struct host_facts *origin;
        struct check_list *out;
        struct error *err;
};

/* One check out of what was found: nothing is fine. */
int portability_add(struct portability *portability, const char *name, enum check_status status,
                    const struct finding *finding, const char *fine, const char *what, const char *remedy);

/* What the processes hold (portability_held.c). */
int portability_check_connections(struct portability *portability);
int portability_check_addresses(struct portability *portability);
int portability_check_unix(struct portability *portability);
int portability_check_devices(struct portability *portability);
int portability_check_io_uring(struct portability *portability);
int portability_check_deleted(struct portability *portability);
int portability_check_linked(struct portability *portability);
int portability_check_terminal(struct portability *portability);
int portability_check_locks(struct portability *portability);
int portability_check_timers(struct portability *portability);
int portability_check_clock(struct portability *portability);

#endif
