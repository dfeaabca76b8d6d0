/* SPDX-License-Identifier: Apache-2.0 */
/* Pods by Kubernetes' names, whichever engine runs them (container's pod_namespace, pod, pod_container). */
#ifndef SNAP_RUNTIME_POD_H
#define SNAP_RUNTIME_POD_H

#include "runtime/runtime.h"

/* The running containers of one pod, completely inspected, sidecars among them, in the order of their names;
 * without the one that only holds its namespaces. */
struct pod {
        const struct runtime_driver *driver; /* all are of one engine */
        struct container_list containers;    /* at least one */
};
void pod_free(struct pod *pod);
#define _cleanup_pod_ _cleanup_(pod_free)

/*
 * `drivers` is NULL-terminated; NULL: all that are available. Where two engines show the same container
 * (Kubernetes' and its runtime's driver), the first in `drivers` counts. The texts of the errors are the
 * kubelet's: -ENOENT `pod does not exist` (ERROR_POD_NOT_FOUND), or `container NAME does not exist`
 * (ERROR_POD_CONTAINER_NOT_FOUND). When two running pods have these names: -ENOTUNIQ
 * (ERROR_CONTAINER_AMBIGUOUS), which lists them.
 */
int runtime_find_pod(const char *namespace, const char *name, const struct runtime_driver *const *drivers,
                     struct pod *out, struct error *err);
/* One container of it, by its name in the pod or by its engine's. One that does not run is found, too: its
 * `pid` is 0. */
int runtime_find_pod_container(const char *namespace, const char *pod, const char *name,
                               const struct runtime_driver *const *drivers,
                               const struct runtime_driver **driver, struct container **out,
                               struct error *err);

#endif
