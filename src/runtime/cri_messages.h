/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the container runtime interface (CRI, runtime.v1; protobuf), as far as they are needed here.
 * Requests are appended to a buffer; answers are read where they lie, and what they say is borrowed from
 * them, not terminated, and empty or 0 where they do not say it. Pure functions: an answer holds what pods
 * are called and labelled, so anybody may have written it.
 */
#ifndef SNAP_RUNTIME_CRI_MESSAGES_H
#define SNAP_RUNTIME_CRI_MESSAGES_H

#include "base/bytes.h"

enum cri_state { CRI_CREATED, CRI_RUNNING, CRI_EXITED, CRI_UNKNOWN };

struct cri_container {
        struct slice id, sandbox, name, image, image_ref;
        uint64_t state;      /* enum cri_state */
        uint64_t created_ns; /* since 1970 */
};

struct cri_sandbox {
        struct slice id, name, name_space, uid;
        struct slice handler; /* name of the runtime in the engine's configuration; empty: its default one */
};

struct cri_status {
        struct slice image, image_ref, log;
        uint64_t state, created_ns;
        struct slice info; /* what the engine tells beyond the interface: JSON */
};

struct cri_image {
        struct slice id, tag, digest; /* the last of its names of each kind */
        uint64_t size;
};

/* Cut one item off a list (ListContainersResponse, ListPodSandboxResponse, ListImagesResponse). 1: there was
 * one; 0: no more; -EBADMSG. */
int cri_next_container(struct slice *list, struct cri_container *out);
int cri_next_sandbox(struct slice *list, struct cri_sandbox *out);
int cri_next_image(struct slice *list, struct cri_image *out);
/* ContainerStatusResponse of a verbose request. 0 or -EBADMSG. */
int cri_read_status(struct slice answer, struct cri_status *out);
/* The reference in a PullImageResponse. 0 or -EBADMSG. */
int cri_read_pulled(struct slice answer, struct slice *out);

/* Requests; those for lists are empty. 0 or -ENOMEM. */
int cri_put_status(struct buffer *out, const char *container);
int cri_put_pull(struct buffer *out, const char *image);
/* Without a time limit of the engine's: see courier.h. */
int cri_put_checkpoint(struct buffer *out, const char *container, const char *location);
/* ResumeTaskRequest of containerd's own interface. */
int cri_put_resume(struct buffer *out, const char *container);

#endif
