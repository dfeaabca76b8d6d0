/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' names of a container, from what its engine says: labels (Podman) or annotations (a bundle). */
#ifndef SNAP_RUNTIME_POD_NAMES_H
#define SNAP_RUNTIME_POD_NAMES_H

#include "base/json.h"
#include "runtime/runtime.h"

/*
 * Sets the names that `texts` (an object of texts; may be NULL) has and the container lacks: those of the
 * kubelet and CRI-O (io.kubernetes.pod.name, …) and those of containerd (io.kubernetes.cri.sandbox-name, …).
 * False when out of memory.
 */
bool pod_names_read(struct container *container, yyjson_val *texts);
/* Says one of these texts that it is the container that only holds a pod's namespaces? */
bool pod_names_are_of_sandbox(yyjson_val *texts);
/*
 * Completes what is still unknown of a container in the pod `pod` with the id `pod_id`, or ("" both) of one
 * that is outside of pods, which is a pod of its own: pod and container are called as it is, the namespace
 * "default". Of a container that is called "POD-NAME", as Podman calls those it makes from Kubernetes' YAML,
 * the name is NAME. False when out of memory.
 */
bool pod_names_complete(struct container *container, const char *pod, const char *pod_id);

#endif
