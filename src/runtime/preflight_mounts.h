/* SPDX-License-Identifier: Apache-2.0 */
/* The check "mounts" of a running container. */
#ifndef SNAP_RUNTIME_PREFLIGHT_MOUNTS_H
#define SNAP_RUNTIME_PREFLIGHT_MOUNTS_H

#include "runtime/preflight.h"
#include "runtime/proc.h"

int preflight_mounts(const struct container *container, const struct proc_mounts *mounts,
                     struct check_list *out, struct error *err);

#endif
