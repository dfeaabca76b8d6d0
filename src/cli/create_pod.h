/* SPDX-License-Identifier: Apache-2.0 */
/* `create --pod`: all containers of a pod at one instant. */
#ifndef SNAP_CLI_CREATE_POD_H
#define SNAP_CLI_CREATE_POD_H

#include "cli/verb.h"
#include "runtime/runtime.h"

/* `name` is "POD" or "NAMESPACE/POD". `options->output` NULL: ./pod-POD_NAMESPACE-TIME. Prints what came of
 * it. */
int create_pod(const struct cli *cli, const char *name, const struct runtime_driver *only,
               const struct checkpoint_options *options, struct error *err);

#endif
