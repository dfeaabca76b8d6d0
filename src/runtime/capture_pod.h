/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a running pod to a directory of verified archives with `pod.json` (archive/pod_manifest.h): one
 * instant for all of its containers. In order: locks, preflight and guardians of all, all frozen at the same
 * time, the facts of the network, all dumps in parallel, all thawed at the same time, all sealed and verified
 * in parallel, the manifest, and last the directory's name, by which it is complete. Until then it lies in a
 * hidden directory, which the guardians remove when we are killed.
 */
#ifndef SNAP_RUNTIME_CAPTURE_POD_H
#define SNAP_RUNTIME_CAPTURE_POD_H

#include "archive/pod_manifest.h"
#include "runtime/capture.h"
#include "runtime/pod.h"

struct pod_capture_result {
        struct pod_manifest *manifest; /* as it was written, with its directory; without `doc` */
        uint64_t frozen_us;            /* how long it stood still, as a whole */
        uint64_t archive_size;         /* of all archives */
        uint64_t total_us;
};
void pod_capture_result_free(struct pod_capture_result *result);
#define _cleanup_pod_capture_result_ _cleanup_(pod_capture_result_free)

/*
 * `options->output` is the path of the directory to be, which must not exist; `replace`, `digest` and
 * `completed` have no meaning. In place of the last: `completed` (may be NULL) is called when the directory
 * is there, before containers that are to be ended are; when it fails, they go on. Whatever fails, all
 * containers go on, and nothing is left. Progress is that of the pod: the phases "preflight", "freeze",
 * "dump", "seal" (all go on from here, but those that are to be stopped), "stop". -ENOTSUP
 * (ERROR_UNSUPPORTED) for engines that write their archives themselves.
 */
int capture_pod(const struct pod *pod, const struct checkpoint_options *options,
                int (*completed)(void *context, const struct pod_manifest *manifest, struct error *err),
                void *context, const struct progress *progress, struct pod_capture_result *out,
                struct error *err);

#endif
