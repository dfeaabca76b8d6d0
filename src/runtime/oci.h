/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCI runtime program (crun, runc) knows of its containers, for its own driver and for the engines
 * above. */
#ifndef SNAP_RUNTIME_OCI_H
#define SNAP_RUNTIME_OCI_H

#include "runtime/cgroup.h"
#include "runtime/runtime.h"

/* The control group that the runtime names to CRIU as the one to freeze. */
int oci_cgroup(const struct container *container, struct cgroup **out, struct error *err);

#endif
