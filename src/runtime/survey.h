/* SPDX-License-Identifier: Apache-2.0 */
/* One look at everything the processes of a container hold that CRIU cannot, or only on request, take along.
 */
#ifndef SNAP_RUNTIME_SURVEY_H
#define SNAP_RUNTIME_SURVEY_H

#include "runtime/proc.h"

/* How often something was found, and the first few of them in words. */
struct finding {
        unsigned count;
        unsigned most; /* so many in words; 0: a few */
        struct buffer text;
};

struct survey {
        struct proc_list processes;
        struct proc_mounts mounts; /* of init */
        uint64_t *sockets;         /* inodes, ascending */
        size_t socket_count;
        struct finding io_uring, devices, unsupported /* other anonymous files */, locks, deleted_large,
                deleted_linked, outside_stdio, outside_files, traced,
                stopped /* by a signal; those that joined, too */, foreign /* joined from outside, "exec" */,
                limited /* limits that we may not read, so CRIU may not either */;
        uint64_t memory; /* bytes the dump will have about */
};

/* `ghost_limit`: deleted files up to so many bytes are fine. */
int survey_container(pid_t init, uint64_t ghost_limit, struct survey *out, struct error *err);
bool survey_has_socket(const struct survey *survey, uint64_t inode);
void survey_free(struct survey *survey);
#define _cleanup_survey_ _cleanup_(survey_free)

/* Adds an example; only the first few are kept as text. */
int finding_add(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void finding_release(struct finding *finding);
#define _cleanup_finding_ _cleanup_(finding_release)

#endif
