/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent refuses (codes SNAP-66x). */
#ifndef SNAP_SIDECAR_ERRORS_H
#define SNAP_SIDECAR_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_AGENT_ACCESS, /* the file that says who may do what is wrong */
        ERROR_AGENT_PRIVILEGES,                    /* not root, or rights cannot be given up */
        ERROR_AGENT_NOT_FOUND,                     /* 404, in the kubelet's words */
        ERROR_AGENT_FAILED,                        /* 500, in the kubelet's words */
        ERROR_AGENT_VERB,                          /* checkpointctl could not say anything of it */
        ERROR_AGENT_NOT_READY;                     /* 503 */

/* All of them, NULL-terminated. */
extern const struct error_kind *const sidecar_error_kinds[];

#endif
