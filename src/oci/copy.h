/* SPDX-License-Identifier: Apache-2.0 */
/* Images from one place to another as they are: only what is missing, every byte verified on the way. */
#ifndef SNAP_OCI_COPY_H
#define SNAP_OCI_COPY_H

#include "oci/image.h"
#include "oci/registry_client.h"

struct copy_options {
        const struct registry_access *from_access, *to_access; /* may be NULL */
};

struct copy_result {
        struct sha256 manifest;
        unsigned images;               /* with those of an index, and what refers to them: signatures */
        unsigned blobs, blobs_present; /* sent or taken from another repository; there already */
        uint64_t bytes;                /* sent */
};

/*
 * An image, or an index with all its images, and their signatures (cosign's ".sig" tags; not into an
 * oci-archive); between registries also what else refers to them. What is named comes last, so that an
 * interrupted copy is never found half; copying again goes on where it stopped.
 */
int image_copy(const struct image_reference *from, const struct image_reference *to,
               const struct copy_options *options, const struct progress *progress, struct copy_result *out,
               struct error *err);
/* The same for a tag, between repositories that are open already. */
int image_copy_tag(struct registry *from, struct registry *to, const char *tag,
                   const struct progress *progress, struct copy_result *out, struct error *err);

#endif
