/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which member of an archive goes into which layer. Layer 0 is everything but memory pages, so that it can be
 * fetched alone; the pages follow in the order of the archive, in a few layers that can travel at the same
 * time. The same members always give the same layers. Where one goes depends on those before it alone, so
 * that an archive can be cut into layers while it is read for the first time.
 */
#ifndef SNAP_OCI_LAYER_PLAN_H
#define SNAP_OCI_LAYER_PLAN_H

#include "archive/archive.h"

/* At most so many, with layer 0; runtimes stack layers as file systems, of which the kernel takes some
 * hundred. */
#define LAYERS_MAX 12

/* Of a member that no layer has. */
#define LAYER_NONE UINT8_MAX

/* Starts with layer 0. Initialise with `common` and zeros. */
struct layer_plan {
        bool common; /* only members that are the same for all engines (translate.h) */
        unsigned count;
        uint8_t *layer_of; /* of each member of the archive that was added */
        size_t members, capacity;
        uint64_t total;                /* bytes of all members */
        uint64_t pages;                /* bytes of those in layers of pages */
        uint64_t share;                /* of the last of these: it is full when `pages` is this */
        uint64_t pages_of[LAYERS_MAX]; /* of each layer */
};

/* Adds the next member of the archive. Refuses one that would remove others in an image (whiteouts). */
int layer_plan_add(struct layer_plan *plan, const struct archive *archive,
                   const struct archive_member *member, struct error *err);
/* Adds all that the archive has. */
int layer_plan_make(const struct archive *archive, struct layer_plan *plan, struct error *err);
void layer_plan_free(struct layer_plan *plan);
#define _cleanup_layer_plan_ _cleanup_(layer_plan_free)

#endif
