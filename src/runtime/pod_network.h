/* SPDX-License-Identifier: Apache-2.0 */
/* What the network of a pod is at this moment, as pod.json keeps it (docs/pod.md). */
#ifndef SNAP_RUNTIME_POD_NETWORK_H
#define SNAP_RUNTIME_POD_NETWORK_H

#include <sys/types.h>
#include "base/json.h"

/* Of the network namespace of `pid`, as an object: interfaces with their addresses, routes, listening TCP
 * ports, established TCP connections. */
int pod_network_read(pid_t pid, yyjson_mut_doc *doc, yyjson_mut_val **out, struct error *err);

#endif
