/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of images as cosign, skopeo and Podman write and verify them, as pure functions: a small JSON
 * payload that names the digest of the image and what it is called; the signature of it; and a manifest that
 * holds several of them, under the tag "sha256-HEX.sig". docs/signatures.md.
 */
#ifndef SNAP_OCI_SIGNATURE_H
#define SNAP_OCI_SIGNATURE_H

#include "crypto/key.h"
#include "oci/layout.h"

#define SIGNATURE_PAYLOAD_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
/* As what registries list it among the referrers of the image. */
#define SIGNATURE_ARTIFACT_TYPE "application/vnd.dev.cosign.artifact.sig.v1+json"
#define SIGNATURE_PAYLOAD_MAX   (64 * KIB)
#define SIGNATURES_MAX          64

/* One that a manifest lists; what it signs lies in a blob. */
struct signature {
        struct descriptor payload;
        char *text; /* base64; owned */
};

struct signatures {
        struct signature items[SIGNATURES_MAX];
        size_t count;
};

void signatures_free(struct signatures *signatures);
#define _cleanup_signatures_ _cleanup_(signatures_free)

#define SIGNATURE_TAG_SIZE (sizeof("sha256-.sig") + SHA256_HEX_SIZE)
/* The tag under which the signatures of an image lie. Returns `out`. */
char *signature_tag(const struct sha256 *image, char out[SIGNATURE_TAG_SIZE]);
bool signature_tag_is_one(const char *tag);

/* Appends what is to be signed. `identity` is what the image is called: "HOST/REPOSITORY:TAG". */
int signature_payload(const struct sha256 *image, const char *identity, struct buffer *out,
                      struct error *err);
/*
 * Did one of the keys sign the payload, and does that name the image? `repository` NULL: whatever it is
 * called; else "HOST/REPOSITORY", which the identity must have, with any tag. -EBADMSG:
 * ERROR_SIGNATURE_INVALID, or ERROR_SIGNATURE_OTHER when it is a good one of something else.
 */
int signature_verify(struct slice payload, const char *text, const struct key *const *keys, size_t count,
                     const struct sha256 *image, const char *repository, struct error *err);

/* Signatures of a manifest; layers of other types are passed over. To be freed also when it fails. */
int signatures_parse(struct slice manifest, struct signatures *out, struct error *err);
/* Appends the config and the manifest. `image` is what they sign, a manifest of `media_type`. */
int signatures_config(const struct signatures *signatures, struct buffer *out, struct error *err);
int signatures_manifest(const struct signatures *signatures, const struct descriptor *config,
                        const struct descriptor *image, const char *media_type, struct buffer *out,
                        struct error *err);

#endif
