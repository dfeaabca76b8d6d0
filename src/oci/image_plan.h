/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image that an archive will be, told before any of it is written: uncompressed layers are pieces of the
 * archive, so that config and manifest can be had from the small members and the digests of the layers, and
 * each layer from the archive when it is wanted. The same as image_build() makes without compression.
 */
#ifndef SNAP_OCI_IMAGE_PLAN_H
#define SNAP_OCI_IMAGE_PLAN_H

#include "base/progress.h"
#include "oci/layer_plan.h"
#include "oci/manifest.h"

/* Initialise with zeros. */
struct image_plan {
        struct layer_plan members;
        struct image_layer layers[LAYERS_MAX]; /* `members.count` of them */
        struct buffer config, manifest;
};

/* Members and the sizes of layers. -ENOTSUP (ERROR_UNSUPPORTED) when the archive cannot be read from
 * anywhere: it is compressed. */
int image_plan_make(const struct archive *archive, struct image_plan *plan, struct error *err);
/* The digests of layers that image_plan_make() has made: from the layer cache, or read, and then kept there.
 */
int image_plan_hash(const struct archive *archive, struct image_plan *plan, const struct progress *progress,
                    struct error *err);
/* A layer's digest that somebody else knows. */
void image_plan_set_digest(struct image_plan *plan, unsigned layer, const struct sha256 *digest);
/* Config and manifest, when the digests are known. */
int image_plan_describe(const struct archive *archive, struct image_plan *plan, struct error *err);
void image_plan_free(struct image_plan *plan);
#define _cleanup_image_plan_ _cleanup_(image_plan_free)

#endif
