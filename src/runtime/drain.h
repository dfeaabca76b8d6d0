/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input and output for a container that nobody listens to. /dev/null of the host will not do: it
 * lies on a mount outside, and the container could not be checkpointed again. So its input is a pipe that has
 * ended, its output a pipe that a small process of its own empties until the container ends.
 */
#ifndef SNAP_RUNTIME_DRAIN_H
#define SNAP_RUNTIME_DRAIN_H

#include "base/error.h"

/* Fills `stdio` with descriptors (close-on-exec) for 0, 1 and 2 of the container; the caller closes all
 * three. */
int drain_start(int stdio[3], struct error *err);

#endif
