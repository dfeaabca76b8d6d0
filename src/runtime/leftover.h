/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed or killed restore left behind. */
#ifndef SNAP_RUNTIME_LEFTOVER_H
#define SNAP_RUNTIME_LEFTOVER_H

#include "base/error.h"

/* Removes the group `path` ("/libpod_parent/libpod-ID") with what is below it from every hierarchy, as far as
 * nobody is in it. The runtimes stumble over such groups when the same container is restored again. */
void leftover_remove(const char *path);

/*
 * A container of Podman's that crun or runc still have although Podman has removed it: a restore was killed
 * together with its Podman, whose `podman rm` then does not know that the container runs. It is known by its
 * bundle, which lay in Podman's storage and is gone. `id`: the whole one; to be called only when Podman has
 * no such container. The runtime that has it ("crun", static), NULL: none.
 */
const char *leftover_find_orphan(const char *id);
/* Ends it, if there is one, and has the runtime forget it, when that is not at it any more; removes its
 * group. */
int leftover_end_orphan(const char *id, struct error *err);

#endif
