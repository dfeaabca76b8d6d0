/* SPDX-License-Identifier: Apache-2.0 */
/* A command inside a running container. */
#ifndef SNAP_RUNTIME_EXEC_H
#define SNAP_RUNTIME_EXEC_H

#include "base/process.h"
#include "runtime/runtime.h"

/*
 * Runs `command` (NULL-terminated, found in the container's PATH, without a shell) through the OCI runtime
 * that runs the container, whichever engine is above it; as the container's user. At most `output_limit`
 * bytes of each stream are kept. 0 when the runtime ran, whatever the exit status.
 */
int container_exec(const struct container *container, const char *const *command, unsigned timeout_s,
                   size_t output_limit, struct process_result *result, struct error *err);

#endif
