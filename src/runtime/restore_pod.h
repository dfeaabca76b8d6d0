/* SPDX-License-Identifier: Apache-2.0 */
/* From the checkpoint of a pod to the pod, running: all of its containers or nothing. */
#ifndef SNAP_RUNTIME_RESTORE_POD_H
#define SNAP_RUNTIME_RESTORE_POD_H

#include "archive/pod_manifest.h"
#include "runtime/restore.h"

struct pod_restore_result {
        char *id, *name;              /* of the pod */
        struct restore_result *parts; /* in the order of the manifest */
        size_t count;
        uint64_t restore_us, total_us;
};
void pod_restore_result_free(struct pod_restore_result *result);
#define _cleanup_pod_restore_result_ _cleanup_(pod_restore_result_free)

/*
 * `path` as for pod_manifest_load(). Verifies all archives, makes the pod anew and restores its containers
 * into it in parallel; where connections are kept, nothing is sent before all are there, so that those
 * between them live on. When one is not seen running, the pod is removed. `options->name` is that of the pod.
 */
int restore_pod(const char *path, const struct restore_options *options, const struct progress *progress,
                struct pod_restore_result *out, struct error *err);

#endif
