/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a checkpoint that is our own dump, for one container or for several at the same instant. In
 * the order in which they are declared here; whatever fails, capture_free() undoes it all. Only for capture.c
 * and capture_pod.c.
 */
#ifndef SNAP_RUNTIME_CAPTURE_STEPS_H
#define SNAP_RUNTIME_CAPTURE_STEPS_H

#include "runtime/capture_engine.h"
#include "runtime/guard.h"
#include "runtime/host.h"
#include "runtime/rootfs.h"
#include "runtime/workspace.h"

struct capture {
        /* Given, and borrowed. */
        const struct runtime_driver *driver;
        const struct container *container;
        const struct checkpoint_options *options;
        const struct progress *progress;
        struct checkpoint_result *result;
        const char *const *parts; /* of a pod: see guard_plan; NULL: it is no part of anything */
        const char *parts_directory;

        uint64_t begin_us, freeze_us, deadline_us;
        uint64_t frozen_us; /* when it stood still, monotonic */
        int lock, keeper;
        char *key, *mark, *program, *version;
        bool marked, thawed;
        struct host_facts *host;
        struct workspace workspace;
        struct cgroup *cgroup;
        struct pages *pages;
        struct archive_writer *writer;
        struct guard_plan plan;
        const char **environment;
        char *config_variable;
        const char *argv[16];
        struct guard *guard;
        unsigned processes;
        enum rootfs_form rootfs_form;
};

#define CAPTURE_NONE .lock = -1, .keeper = -1, .workspace = WORKSPACE_NONE

/* Waits for other checkpoints of the container, and undoes what a killed one left. */
int capture_lock(struct capture *capture, struct error *err);
/* Of a pod: says what is to be removed, before anything of it is there. */
int capture_announce(struct capture *capture, struct error *err);
/* Preflight, and all that can be known or made before the container is touched; the guardian. */
int capture_prepare(struct capture *capture, struct error *err);
/* Freezes: begin only asks for it, so that several containers come to a standstill at the same time. */
int capture_freeze_begin(struct capture *capture, struct error *err);
int capture_freeze(struct capture *capture, struct error *err);
/* Memory and files, while it stands still. Several containers may be at it at once, each in its thread. */
int capture_dump(struct capture *capture, struct error *err);
/* Lets it go on; not when it is to be stopped. */
int capture_thaw_begin(struct capture *capture, struct error *err);
int capture_thaw(struct capture *capture, struct error *err);
/* Completes and verifies the archive, under its temporary name. May be in a thread, too. */
int capture_seal(struct capture *capture, struct error *err);
/* Gives it its name. */
int capture_commit(struct capture *capture, struct error *err);
/* The archive is safe: only now may the container go. */
int capture_stop(struct capture *capture, struct error *err);
void capture_free(struct capture *capture);

#endif
