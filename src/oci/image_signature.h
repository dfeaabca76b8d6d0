/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of images where they lie, in a layout or a registry: made, verified, and asked for by a policy.
 */
#ifndef SNAP_OCI_IMAGE_SIGNATURE_H
#define SNAP_OCI_IMAGE_SIGNATURE_H

#include "crypto/key.h"
#include "oci/image.h"
#include "oci/source.h"

/* Signs what the reference names: an image, or an index of them. The signature lies beside it, under cosign's
 * tag and as a referrer. `identity` is what the image is called; NULL: where it lies. Not in an oci-archive,
 * which does not change. */
int image_sign(const struct image_reference *image, const struct registry_access *access,
               const struct key *key, const char *identity, struct sha256 *digest, struct error *err);

/* Has one of the keys signed what the reference names? In a registry it must be signed as an image of this
 * repository. -ENOENT (ERROR_SIGNATURE_MISSING), -EBADMSG (ERROR_SIGNATURE_INVALID, ERROR_SIGNATURE_OTHER).
 */
int image_verify_signature(const struct image_reference *image, const struct registry_access *access,
                           const struct key *const *keys, size_t count, struct sha256 *digest,
                           struct error *err);

/*
 * May the image, which lies in `source`, be used by the policy of this process (signature_policy.h)? `named`
 * is the digest of what the reference names, `chosen` of the image itself, which an index lists: one of them
 * must be signed. -EACCES (ERROR_POLICY_REJECTED) or as above.
 */
int image_admit(const struct image_reference *image, struct source *source, const struct sha256 *named,
                const struct sha256 *chosen, struct error *err);

#endif
