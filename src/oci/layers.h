/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an archive, written to where the image is built: in one read of it, or, where both sides can,
 * several layers at the same time. */
#ifndef SNAP_OCI_LAYERS_H
#define SNAP_OCI_LAYERS_H

#include "oci/layer.h"
#include "oci/layer_plan.h"

/*
 * Fills as many layers as the plan has, but for those that are `ready`, and marks them so, also when it fails
 * on the way. An archive that is unread is read by this, and the plan, which is empty then, made. Memory
 * stays bounded: who reads waits for who writes.
 */
int layers_build(struct archive *archive, struct layer_plan *plan, struct target *target,
                 const struct image_options *options, const struct progress *progress,
                 struct image_layer layers[LAYERS_MAX], bool ready[LAYERS_MAX], struct error *err);

#endif
