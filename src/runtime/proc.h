/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about the processes of a container (proc(5)). Processes come and go: whoever vanishes while
 * it is looked at is left out. */
#ifndef SNAP_RUNTIME_PROC_H
#define SNAP_RUNTIME_PROC_H

#include <sys/stat.h>
#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

struct proc_process {
        pid_t pid, parent; /* in our PID namespace */
        pid_t inside;      /* in its own PID namespace (the last of NSpid) */
        pid_t tracer;      /* 0 when nobody traces it */
        char command[16];
        char state; /* "R", "S", "T", "Z", … */
        unsigned threads;
        uint64_t start_time;        /* clock ticks since boot */
        uint64_t anonymous, shared; /* bytes: private memory with swap, shared memory */
        bool descendant;            /* of the init that was asked for, or that itself */
};

struct proc_list {
        struct proc_process *items;
        size_t count;
};

/* One process. -ESRCH when there is none. */
int proc_read(pid_t pid, struct proc_process *out, struct error *err);
/* `init`, its descendants and, unless it shares our PID namespace, all processes of its PID namespace. */
int proc_list_container(pid_t init, struct proc_list *out, struct error *err);
const struct proc_process *proc_list_find(const struct proc_list *list, pid_t pid);
void proc_list_free(struct proc_list *list);
#define _cleanup_proc_list_ _cleanup_(proc_list_free)

/* An open file. `target` is the text of the link: "/a/path", "socket:[12]", "anon_inode:[eventfd]". */
struct proc_descriptor {
        pid_t pid;
        int fd;
        const char *target;
        bool has_status; /* only for targets that are paths */
        struct stat status;
        int mount_id; /* -1 unless the target is a path */
        bool locked;  /* a lock is held through it */
};
/* Calls `each` for all open files of `pid` until it returns non-zero, which is passed on. */
typedef int (*proc_descriptor_function)(void *context, const struct proc_descriptor *descriptor);
int proc_each_descriptor(pid_t pid, proc_descriptor_function each, void *context);

/* One mount of /proc/PID/mountinfo. */
struct proc_mount {
        int id, parent;
        char *root, *point, *type, *source;
        bool slave; /* receives mounts from a group ("master:") */
};
struct proc_mounts {
        struct proc_mount *items;
        size_t count;
};
int proc_mounts_read(pid_t pid, struct proc_mounts *out, struct error *err);
const struct proc_mount *proc_mounts_find(const struct proc_mounts *mounts, int id);
void proc_mounts_free(struct proc_mounts *mounts);
#define _cleanup_proc_mounts_ _cleanup_(proc_mounts_free)

/* The text of a whole file /proc/PID/NAME. */
int proc_text(pid_t pid, const char *name, struct buffer *out, struct error *err);
/* Inode of a namespace ("net", "pid"); 0 when it cannot be read. `pid` 0: ours. */
uint64_t proc_namespace(pid_t pid, const char *name);

#endif
