/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which member of an archive goes into which layer. Layer 0 is everything but memory pages, so that it can be
 * fetched alone; the pages follow in the order of the archive, in a few layers that can travel at the same
 * time. The same archive always gives the same layers.
 */
#ifndef SNAP_OCI_LAYER_PLAN_H
#define SNAP_OCI_LAYER_PLAN_H

#include "archive/archive.h"

/* At most so many, with layer 0; runtimes stack layers as file systems, of which the kernel takes some
 * hundred. */
#define LAYERS_MAX 12

/* Of a member that no layer has. */
#define LAYER_NONE UINT8_MAX

struct layer_plan {
        unsigned count;
        uint8_t *layer_of;       /* of each member of the archive */
        size_t last[LAYERS_MAX]; /* position of the last member of each; layer 0 always has one */
        uint64_t total;          /* bytes of all members */
};

/* `common`: only members that are the same for all engines (translate.h). Refuses an archive with members
 * that would remove others in an image (whiteouts), or without any. */
int layer_plan_make(const struct archive *archive, bool common, struct layer_plan *out, struct error *err);
void layer_plan_free(struct layer_plan *plan);
#define _cleanup_layer_plan_ _cleanup_(layer_plan_free)

#endif
