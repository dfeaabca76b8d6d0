/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control group by which a container is frozen: freezer of cgroups v1 (freezer.state) or v2
 * (cgroup.freeze, cgroup.events), as described in the kernel's
 * Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst.
 */
#ifndef SNAP_RUNTIME_CGROUP_H
#define SNAP_RUNTIME_CGROUP_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

struct cgroup;

enum cgroup_state { CGROUP_THAWED, CGROUP_FREEZING, CGROUP_FROZEN };

/*
 * The group of `pid`. A process can have put itself into a group below the container's (an init inside does);
 * `runtime_path`, the path that the runtime knows ("" when unknown), tells at which level to stop: CRIU is
 * told the same, and must find frozen what it is going to thaw. ERROR_CGROUP_SHARED when we, and so CRIU,
 * would be frozen along.
 */
int cgroup_open(pid_t pid, const char *runtime_path, struct cgroup **out, struct error *err);
/* By the directory that cgroup_path() said; used to thaw what a killed process left behind. */
int cgroup_open_path(const char *path, struct cgroup **out, struct error *err);
void cgroup_free(struct cgroup *cgroup);
CLEANUP_DEFINE(struct cgroup *, cgroup_free);
#define _cleanup_cgroup_ _cleanup_(cgroup_freep)

/* Its directory. Borrowed. */
const char *cgroup_path(const struct cgroup *cgroup);
int cgroup_descriptor(const struct cgroup *cgroup);
/* 1 or 2. */
unsigned cgroup_version(const struct cgroup *cgroup);
/*
 * CRIU options ("cgroup-dump-controller") for a dump of `pid`, appended: they name the hierarchies in which
 * it is in a group of its container's; nothing where that is so in all. In the others (version 2 in hybrid
 * mode, a named hierarchy that the engine does not use) it shares the group of others, and CRIU would dump
 * everything below that and make it anew beneath the container's own group, at each restore once more.
 */
int cgroup_append_dump_options(const struct cgroup *cgroup, pid_t pid, struct buffer *out, struct error *err);
/* Processes in it and below. */
int cgroup_count(const struct cgroup *cgroup, unsigned *out, struct error *err);
/* Is `pid` in it or below? */
bool cgroup_has(const struct cgroup *cgroup, pid_t pid);
/* Is one of its processes held by a tracer, as CRIU is during a dump? */
bool cgroup_is_traced(const struct cgroup *cgroup);

/* These four allocate nothing, so that they may be called after a fork. They return 0 or a negative errno. */
int cgroup_read_state(const struct cgroup *cgroup, enum cgroup_state *out);
/* Returns when all is frozen; -ETIMEDOUT, thawed again, when that is not so after `timeout_ms`. */
int cgroup_freeze(const struct cgroup *cgroup, unsigned timeout_ms);
int cgroup_thaw(const struct cgroup *cgroup);

/* Kills all processes, frozen ones without their running one more instruction, and thaws: a pending SIGKILL
 * is acted on before a process gets back to its own code. Waits until they are gone. */
int cgroup_kill(const struct cgroup *cgroup, struct error *err);

/* For tests: where a group lies, from the texts of /proc/PID/cgroup and /proc/self/mountinfo. */
struct cgroup_location {
        unsigned version;
        char directory[4096];
        char path[4096]; /* as in /proc/PID/cgroup */
};
int cgroup_locate(const char *proc_cgroup, const char *mountinfo, const char *runtime_path,
                  struct cgroup_location *out, struct error *err);
/* For tests: the options, from the text of /proc/PID/cgroup and the container's path in it. 0 or -ENOMEM. */
int cgroup_dump_options(const char *proc_cgroup, const char *own_path, struct buffer *out);

#endif
