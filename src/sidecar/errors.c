/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/errors.h"

#include <stddef.h>

const struct error_kind ERROR_AGENT_ACCESS = {
        .code = "SNAP-660",
        .exit_status = EXIT_USAGE,
        .http_status = 500,
        .title = "the file that says who may do what is wrong",
        .hint = "Each line is `token TOKEN NAME`, `user NAME` or `group NAME`, followed by rights, each with "
                "a "
                "pattern of namespaces; the file is root's alone (mode 0600).",
};
const struct error_kind ERROR_AGENT_PRIVILEGES = {
        .code = "SNAP-661",
        .exit_status = EXIT_ERROR,
        .http_status = 500,
        .title = "the agent has too few rights, or cannot give up what it does not need",
        .hint = "It is started by root, and gives up itself what it does not need.",
};
const struct error_kind ERROR_AGENT_NOT_FOUND = {
        .code = "SNAP-662",
        .exit_status = EXIT_NOT_FOUND,
        .http_status = 404,
        .title = "the kubelet's API: no such pod or container",
};
const struct error_kind ERROR_AGENT_FAILED = {
        .code = "SNAP-663",
        .exit_status = EXIT_RUNTIME,
        .http_status = 500,
        .title = "the kubelet's API: the checkpoint failed",
        .hint = "The operation, in `GET /operations`, has the whole error.",
};
const struct error_kind ERROR_AGENT_VERB = {
        .code = "SNAP-664",
        .exit_status = EXIT_BAD_DATA,
        .http_status = 422,
        .title = "the archive cannot be looked into",
};
const struct error_kind ERROR_AGENT_NOT_READY = {
        .code = "SNAP-665",
        .exit_status = EXIT_BUSY,
        .http_status = 503,
        .title = "the agent cannot take work now",
        .hint = "Its log has the reason.",
};

const struct error_kind *const sidecar_error_kinds[] = {
        &ERROR_AGENT_ACCESS,
        &ERROR_AGENT_PRIVILEGES,
        &ERROR_AGENT_NOT_FOUND,
        &ERROR_AGENT_FAILED,
        &ERROR_AGENT_VERB,
        &ERROR_AGENT_NOT_READY,
        NULL,
};
