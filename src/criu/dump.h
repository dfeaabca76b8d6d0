/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CRIU dump as a person sees it: processes, memory, open files, sockets, mounts, statistics. Loaded from
 * the image files without reading memory pages. Everything is owned by the dump and freed with it.
 */
#ifndef SNAP_CRIU_DUMP_H
#define SNAP_CRIU_DUMP_H

#include <stdbool.h>
#include <sys/types.h>
#include "criu/source.h"

/* What to load beyond inventory, process tree and sizes; each costs reads. */
enum criu_load {
        CRIU_LOAD_FILES = 1 << 0, /* descriptors and what they refer to, sockets */
        CRIU_LOAD_MOUNTS = 1 << 1,
        CRIU_LOAD_MAPPINGS = 1 << 2, /* memory mappings */
        CRIU_LOAD_KERNEL = 1 << 3,   /* credentials, timers, signals, control groups, network devices */
        CRIU_LOAD_ALL = 15
};

struct criu_inventory {
        uint32_t version; /* of the image format */
        bool has_root_ids;
        bool tcp_close; /* connections were dropped at the dump */
        uint32_t lsm_type;
        uint32_t network_lock;
};

/* Figures of "stats-dump". Times in microseconds. */
struct criu_statistics {
        bool present;
        uint32_t freezing_time, frozen_time, memdump_time, memwrite_time;
        uint64_t pages_scanned, pages_skipped_parent, pages_written, pages_lazy, page_pipes, page_pipe_bufs;
        uint64_t shmem_pages_scanned, shmem_pages_written;
};

struct criu_descriptor {
        int fd;           /* number; -1: current directory, -2: root */
        const char *type; /* "REG", "PIPE", "INETSK", "UNIXSK", "EVENTFD", … */
        uint32_t id;      /* of the file object */
        const char *path; /* of a regular file, pipe:[…], "" when it has none */
        uint64_t size;    /* of a regular file, when has_size */
        bool has_size;
        uint32_t flags;     /* open(2) */
        uint32_t mode;      /* of a file with a name: type and permissions; 0 when the dump does not say */
        bool ghost;         /* deleted, contents are in the dump */
        const char *linked; /* deleted, but for the dump linked as this path, which a restore needs; NULL: not
                               so */
        bool wall_clock;    /* a timer that is set for a time of day */
};

struct criu_socket {
        int fd;
        const char *protocol; /* "TCP", "UDP", "UNIX", "NETLINK", "PACKET", … as checkpointctl names them */
        const char *type;     /* "STREAM", "DGRAM", … */
        const char *state;    /* "LISTEN", "ESTABLISHED", … */
        const char *source, *destination; /* addresses or path, "" when none */
        uint32_t source_port, destination_port, send_buffer, receive_buffer;
        bool outside; /* connected to a Unix socket that is not in the dump */
};

enum criu_mapping_kind {
        CRIU_MAPPING_ANONYMOUS,
        CRIU_MAPPING_HEAP,
        CRIU_MAPPING_STACK, /* of the first thread */
        CRIU_MAPPING_FILE,  /* private: pages of it in the dump were written to */
        CRIU_MAPPING_SHARED_FILE,
        CRIU_MAPPING_SHARED_MEMORY, /* its contents have a pagemap of their own */
        CRIU_MAPPING_KERNEL         /* vdso, vvar */
};

struct criu_mapping {
        enum criu_mapping_kind kind;
        uint64_t start, end;
        uint32_t protection, flags, status; /* PROT_*, MAP_*, CRIU's VMA_AREA_* */
        uint64_t file_offset;
        const char *path; /* "" when anonymous */
        /* Shared memory whose pages are in "pagemap-shmem-SHARED_ID.img", from SHARED_OFFSET on. */
        bool is_shared_memory;
        uint64_t shared_id, shared_offset;
};

/* Capability N is bit N of a set, see criu/capability.h. */
struct criu_credentials {
        uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
        const uint32_t *groups;
        size_t group_count;
        uint64_t inheritable, permitted, effective, bounding, ambient;
        bool no_new_privileges;
        const char *lsm_profile; /* "" when none */
};

enum criu_timer_kind {
        CRIU_TIMER_REAL, /* these three: setitimer(2) */
        CRIU_TIMER_VIRTUAL,
        CRIU_TIMER_PROFILE,
        CRIU_TIMER_POSIX,
        CRIU_TIMER_FD
};

struct criu_timer {
        enum criu_timer_kind kind;
        uint32_t id;                   /* of a POSIX timer; of one of timerfd its file object */
        uint32_t clock;                /* of these two: CLOCK_* */
        int signal;                    /* of a POSIX timer; 0: none is sent */
        uint64_t left_ns, interval_ns; /* until it fires, 0: it is not set; then every, 0: only once */
};

struct criu_pending {
        int signal;
        pid_t thread; /* 0: any thread may take it */
};

/* What the kernel keeps for a process. Signal N is bit N - 1 of a set. */
struct criu_task {
        const struct criu_credentials *credentials; /* of its first thread; NULL: they are not in the dump */
        uint32_t seccomp_mode;                      /* SECCOMP_MODE_* */
        struct criu_timer *timers;                  /* POSIX timers, and those of the others that are set */
        size_t timer_count;
        uint64_t blocked, caught, ignored; /* of its first thread the blocked ones */
        struct criu_pending *pending;
        size_t pending_count;
        uint32_t cgroup_set;
};

/* Its path, or "[heap]", "[stack]", "[shared memory]", "[anonymous]". */
const char *criu_mapping_name(const struct criu_mapping *mapping);

struct criu_process {
        pid_t pid, ppid, pgid, sid; /* in the container's PID namespace */
        const char *command;        /* comm */
        const char *state;          /* "Alive", "Dead", "Stopped", "Zombie", … */
        uint32_t threads;
        uint64_t memory; /* bytes of pages in the dump */
        uint64_t argument_start, argument_end, environment_start, environment_end;
        const char *architecture; /* "x86_64", …; "" when unknown */
        uint64_t xstate; /* on x86: register sets in use, bits as in XSTATE_BV; 0: only what all have */
        const char *exe, *root, *cwd; /* with CRIU_LOAD_FILES, else "" */
        struct criu_descriptor *descriptors;
        size_t descriptor_count;
        struct criu_socket *sockets;
        size_t socket_count;
        struct criu_mapping *mappings;
        size_t mapping_count;
        const struct criu_task *task; /* with CRIU_LOAD_KERNEL, of those that are not dead; else NULL */
};

/* One hierarchy of control groups in one set of them: processes with the same groups have the same set. */
struct criu_cgroup {
        uint32_t set;
        const char *hierarchy; /* "memory", "name=systemd", "" for version 2 */
        const char *path;
};

struct criu_network_address {
        uint32_t index;   /* of the device */
        const char *text; /* "10.88.0.2/16" */
};

struct criu_network_device {
        const char *name, *kind;      /* "eth0", "veth" */
        uint32_t index, mtu, flags;   /* flags: IFF_* */
        const char *hardware_address; /* "" when none */
        const struct criu_network_address *addresses;
        size_t address_count;
};

struct criu_mount {
        const char *destination, *type, *source, *root, *options;
        uint32_t id, parent_id;
        bool external;
};

struct criu_dump {
        struct criu_inventory inventory;
        struct criu_statistics statistics;
        struct criu_process *processes; /* a parent stands before its children */
        size_t process_count;
        struct criu_mount *mounts;
        size_t mount_count;
        uint64_t pages_size; /* bytes of all pages-*.img */
        /* With CRIU_LOAD_KERNEL. */
        struct criu_cgroup *cgroups;
        size_t cgroup_count;
        struct criu_network_device *devices; /* of namespaces that are in the dump */
        size_t device_count;
        /* With CRIU_LOAD_FILES. */
        size_t lock_count;        /* file locks */
        unsigned host_namespaces; /* CLONE_NEW*: those of the first process that were the dumper's own */
};

/* Anything missing or cut short is an error that names the file. ERROR_CRIU_TOO_LARGE beyond
 * CRIU_MEMORY_LIMIT (arena.h), which is that of all dumps together that a thread has loaded. */
int criu_dump_load(const struct criu_source *source, unsigned load, struct criu_dump **out,
                   struct error *err);
/* Before the process tree is known: every process of which there is "mm-PID.img", by PID, with its mappings.
 * What only the tree says (parents, groups, sessions, threads) is 0, and all that is of no process is left
 * out. Processes of an earlier dump may be among them, whose images were left behind. */
int criu_dump_guess(const struct criu_source *source, struct criu_dump **out, struct error *err);
void criu_dump_free(struct criu_dump *dump);
CLEANUP_DEFINE(struct criu_dump *, criu_dump_free);
#define _cleanup_criu_dump_ _cleanup_(criu_dump_freep)

/* Reads `size` bytes of a process's memory at `address` as the dump holds them. -ENOENT when it does not hold
 * all of them: CRIU leaves out pages that were never touched, are all zeros, or stand unchanged in a file,
 * and those of shared memory are apart. `read_pages` reads from a pages file at an offset. */
typedef int (*criu_pages_reader)(void *context, const char *name, uint64_t offset, void *data, size_t size,
                                 struct error *err);
int criu_memory_read(const struct criu_source *source, criu_pages_reader read_pages, void *context, pid_t pid,
                     uint64_t address, void *data, size_t size, struct error *err);

#endif
