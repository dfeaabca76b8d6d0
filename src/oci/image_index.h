/* SPDX-License-Identifier: Apache-2.0 */
/* An index of images for several platforms (image-spec "image-index.md"), as pure functions over text. */
#ifndef SNAP_OCI_IMAGE_INDEX_H
#define SNAP_OCI_IMAGE_INDEX_H

#include "oci/manifest.h"

/* Images that an index may list. */
#define IMAGE_INDEX_MAX 256

bool image_index_type_is(const char *media_type);

struct image_index_entry {
        struct descriptor descriptor;
        bool is_index;
        char architecture[32]; /* "amd64"; empty where the index does not say */
};

/* What an index lists, at most IMAGE_INDEX_MAX. `out` to be freed. */
int image_index_parse(struct slice index, struct image_index_entry **out, size_t *count, struct error *err);
/* The image for an architecture; of several the first. -ENOENT (ERROR_IMAGE_NOT_FOUND) names those there are.
 */
int image_index_choose(struct slice index, const char *architecture, struct descriptor *out,
                       struct error *err);
/* Appends the index with the image added, in place of another one for the same architecture. `old` may be
 * empty. containerd looks for the annotations of a checkpoint at the index itself: they are those of the
 * image that was added last. */
int image_index_add(struct slice old, const struct metadata *metadata, const struct descriptor *image,
                    struct buffer *out, struct error *err);

#endif
