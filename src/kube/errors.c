/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/errors.h"

#include <stddef.h>

const struct error_kind ERROR_KUBE_ACCESS = {
        .code = "SNAP-650",
        .exit_status = EXIT_ERROR,
        .http_status = 500,
        .title = "it is not known how to reach the cluster",
        .hint = "In a pod, a service account is what is needed; elsewhere give URL, CA and a token file or a "
                "client certificate.",
};
const struct error_kind ERROR_KUBE_ANSWER = {
        .code = "SNAP-651",
        .exit_status = EXIT_ERROR,
        .http_status = 502,
        .title = "the API server refuses, or its answer is not understood",
        .hint = "Who asks needs the cluster role `system:auth-delegator`.",
};

const struct error_kind *const kube_error_kinds[] = {&ERROR_KUBE_ACCESS, &ERROR_KUBE_ANSWER, NULL};
