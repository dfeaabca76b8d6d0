/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong with a cluster (codes SNAP-65x). */
#ifndef SNAP_KUBE_ERRORS_H
#define SNAP_KUBE_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_KUBE_ACCESS, /* how to reach the API server is not known, or malformed */
        ERROR_KUBE_ANSWER;                        /* it refused, or answered something else than was asked */

/* All of them, NULL-terminated. */
extern const struct error_kind *const kube_error_kinds[];

#endif
