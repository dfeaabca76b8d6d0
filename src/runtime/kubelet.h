/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubelet's Checkpoint API (Kubernetes, "Kubelet Checkpoint API"), for the driver "kubelet". Of the
 * rights of the cluster it takes `create` on `nodes/checkpoint` and no more; which containers run is asked of
 * the engine (cri.h).
 */
#ifndef SNAP_RUNTIME_KUBELET_H
#define SNAP_RUNTIME_KUBELET_H

#include "runtime/courier.h"
#include "runtime/runtime.h"

#define KUBELET_DIRECTORY "/var/lib/kubelet/checkpoints"

/* How the kubelet of this node is reached. All but `url` may be NULL. */
struct kubelet_access {
        const char *url;               /* "https://NODE:10250" */
        const char *ca;                /* PEM: whose certificates are trusted beside the system's */
        const char *certificate, *key; /* PEM, ours; or … */
        const char *token_file; /* … a token, read anew for each call because it is replaced now and then */
        const char *directory;  /* where it keeps archives; NULL: KUBELET_DIRECTORY */
};

/* To be said once, before the driver is used; until then it is not available. Borrowed. */
void kubelet_configure(const struct kubelet_access *access);

/* In the courier: the call itself. The archive is moved to errand->location at once, because the kubelet
 * overwrites one that it wrote within the same second. */
int kubelet_perform(const struct errand *errand, struct error *err);
/* For tests: the path in {"items": [PATH]}. -EBADMSG unless it is one absolute path of a file in `directory`
 * whose name begins with `prefix`. */
int kubelet_read_answer(struct slice body, const char *directory, const char *prefix, char path[PATH_MAX],
                        struct error *err);

#endif
