/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container runtimes behind one interface. A driver knows its engine's names, files and commands; freezing,
 * dumping, the file system and the archive are common (capture.h), as are checks (preflight.h).
 */
#ifndef SNAP_RUNTIME_RUNTIME_H
#define SNAP_RUNTIME_RUNTIME_H

#include <sys/types.h>
#include "archive/metadata.h"
#include "archive/writer.h"
#include "base/progress.h"

/* A container as its engine knows it. Text is owned, "" when unknown. */
struct container {
        char *id, *name;
        char *engine;           /* driver: "podman", "crun", "runc", "cri", "kubelet" */
        char *runtime;          /* the OCI runtime program that runs it: path or name */
        char *runtime_root;     /* its --root; "" for the default */
        char *state;            /* "running", "paused", "exited", "created" */
        char *image, *image_id; /* "" for a bare bundle */
        char *image_digest;     /* of its manifest, "sha256:…"; "" when unknown */
        char *bundle;           /* directory with config.json */
        char *rootfs;           /* merged root directory on the host */
        char *upper;            /* overlay upper directory; "" when the root is a plain directory */
        char **lowers;          /* overlay lower directories, top first, NULL-terminated; NULL when none */
        char *shm;              /* directory mounted on /dev/shm when the engine owns it; "" */
        char *log;              /* container log file; "" */
        char *created;          /* RFC 3339 */
        /* Kubernetes' names for it: CRI's labels, Podman's pods, annotations of a bundle. Outside of pods it
         * is a pod of its own (pod_names.h); all are "" for one that only holds the namespaces of a pod. */
        char *pod_namespace, *pod, *pod_uid, *pod_container;
        pid_t pid;    /* init, in our PID namespace; 0 when not running */
        void *record; /* what the driver keeps for itself; released with the container */
        void (*record_free)(void *record);
};
/* One with every text empty. */
int container_new(struct container **out, struct error *err);
/* Replaces one of its texts; NULL: "". False when out of memory. */
bool container_set_text(char **text, const char *value);
void container_free(struct container *container);
CLEANUP_DEFINE(struct container *, container_free);
#define _cleanup_container_ _cleanup_(container_freep)

struct container_list {
        struct container **items;
        size_t count;
};
void container_list_free(struct container_list *list);
#define _cleanup_container_list_ _cleanup_(container_list_free)

struct check_list; /* preflight.h */
struct checkpoint_result;

enum tcp_policy { TCP_REFUSE, TCP_KEEP, TCP_CLOSE };

struct checkpoint_options {
        const char *output; /* path of the archive to be */
        bool replace;       /* overwrite it */
        enum compression compression;
        int level;
        bool stop; /* end the container when the archive is complete and verified */
        enum tcp_policy tcp;
        bool file_locks;
        uint64_t ghost_limit; /* bytes; 0: CRIU's default (1 MiB) */
        unsigned timeout_s;   /* for the freeze and dump; 0: none */
        bool skip_volumes;    /* leave named volumes out */
        bool force;           /* go on although preflight objects */
        bool digest;          /* have the SHA-256 of the whole archive in the result */
        /* Called when the archive is verified and at `output`, before a container that is to be ended is:
         * what must be so first. When it fails, the container goes on. May be NULL. */
        int (*completed)(void *context, const struct checkpoint_result *result, struct error *err);
        void *context;
};

/* Microseconds and bytes of each phase, for reports. */
struct phase_times {
        uint64_t preflight_us, freeze_us /* reaching the frozen state */, dump_us, filesystem_us, seal_us,
                verify_us, total_us;
        uint64_t frozen_us; /* how long the container stood still */
        uint64_t archive_size, pages_size, rootfs_diff_size;
};

struct checkpoint_result {
        char id[32]; /* unique_id() */
        struct phase_times times;
        bool has_digest; /* false: it was not asked for, or the engine wrote the archive itself */
        struct sha256 digest;
};

/*
 * A checkpoint that the engine takes by itself. The call must come to its end, whatever happens to us:
 * engines leave containers frozen when theirs is dropped. When we give up, it goes on without us; `lock` and
 * `keeper` are held until it has ended, and then what `mark` says is undone.
 */
struct engine_call {
        const struct container *container;
        const struct checkpoint_options *options;
        const struct progress *progress;
        const char *path;     /* of the archive to be; in a directory of ours that has nothing else */
        const char *mark;     /* see mark.h */
        int lock, keeper;     /* see lock.h */
        uint64_t deadline_us; /* monotonic; 0: none */
        bool given_up;        /* filled in: it goes on without us */
        uint64_t frozen_us;   /* filled in: how long the container stood still; 0: unknown */
};

struct registry_access;
struct stage; /* stage.h */

struct restore_options {
        const char *name;   /* of the new container; NULL: the old one's */
        const char *bundle; /* bare bundles: an existing bundle to use instead of the archive's spec */
        enum tcp_policy tcp;
        bool file_locks;
        bool force;
        bool ignore_static_ip, ignore_volumes;
        const char *pod; /* engine's id of the pod to restore into; NULL: what was in a pod is refused */
        const struct registry_access *access; /* for an image in a registry; may be NULL */
};

struct restore_result {
        char *container_id, *name; /* owned */
        pid_t pid;
        uint64_t start_time; /* of the init process, clock ticks since boot (/proc/PID/stat field 22) */
        unsigned processes;  /* seen running, equal to the dump's tree */
        uint64_t preflight_us, restore_us, total_us;
};
void restore_result_free(struct restore_result *result);
#define _cleanup_restore_result_ _cleanup_(restore_result_free)

struct runtime_driver {
        const char *name; /* "podman", "crun", "runc", "cri", "kubelet" */
        /* Is the engine's program here? */
        bool (*available)(void);
        int (*list)(struct container_list *out, struct error *err);
        /* By name or id (or unique prefix). -ENOENT when it has none. */
        int (*inspect)(const char *name, struct container **out, struct error *err);
        /* Has the engine itself write the archive, in place of our own dump; NULL: the dump is ours, by
         * `describe`. capture_checkpoint() calls it; see there and at engine_call. */
        int (*checkpoint)(struct engine_call *call, struct error *err);
        /* Adds the members only this engine has (config.dump, spec.dump, network.status, volumes …). Called
         * while the container is frozen. */
        int (*describe)(const struct container *container, const struct checkpoint_options *options,
                        struct archive_writer *writer, struct error *err);
        /* Appends what the engine says of the pod of a container, as JSON; nothing when that is in none.
         * Asked before anything is frozen. NULL: it knows no pods. */
        int (*describe_pod)(const struct container *container, struct buffer *out, struct error *err);
        /* Ends a container whose processes are frozen; it must not run one more instruction. Returns when
         * the engine has noticed its end. */
        int (*stop)(const struct container *container, struct error *err);
        /* Adds the checks that only this engine needs before a restore (base image, networks, names …). */
        int (*preflight_restore)(const struct archive *archive, const struct metadata *metadata,
                                 const struct restore_options *options, struct check_list *out,
                                 struct error *err);
        /* Starts what is on the stage, which has been verified; preflight passed. NULL: the engine restores
         * images only. */
        int (*restore)(const struct stage *stage, const struct metadata *metadata,
                       const struct restore_options *options, struct restore_result *out, struct error *err);
        /*
         * Makes a pod, without containers, as `description` (describe_pod) says; `id` is the caller's to
         * free, `sandbox` the process that holds its namespaces. Nothing is left when it fails. What would
         * give it more than an ordinary pod is refused unless options->force. NULL: it knows no pods.
         */
        int (*make_pod)(yyjson_val *description, const struct restore_options *options, char **id,
                        pid_t *sandbox, struct error *err);
        /* Ends and removes a pod with all that is in it. */
        int (*remove_pod)(const char *id, struct error *err);
};

extern const struct runtime_driver runtime_podman, runtime_crun, runtime_runc, runtime_cri, runtime_kubelet;

/* NULL-terminated, in the order in which a bare name is looked up. */
extern const struct runtime_driver *const runtime_drivers[];
/* -EINVAL with the known names in the error when there is none such. */
int runtime_driver_find(const char *name, const struct runtime_driver **out, struct error *err);
/* Looks `name` up in `only` (may be NULL: all available drivers). */
int runtime_find_container(const char *name, const struct runtime_driver *only,
                           const struct runtime_driver **driver, struct container **out, struct error *err);

extern const struct error_kind ERROR_CONTAINER_NOT_FOUND, ERROR_CONTAINER_NOT_RUNNING,
        ERROR_CONTAINER_AMBIGUOUS, ERROR_CONTAINER_EXISTS, ERROR_RUNTIME_FAILED, ERROR_PREFLIGHT,
        ERROR_FREEZE, ERROR_CGROUP_SHARED, ERROR_RESTORE_NOT_SEEN, ERROR_STORAGE_DRIVER, ERROR_PRIVILEGES,
        ERROR_POD_NOT_FOUND, ERROR_POD_CONTAINER_NOT_FOUND;
extern const struct error_kind *const runtime_error_kinds[];

#endif
