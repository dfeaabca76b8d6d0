/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opens an encrypted layer, and how it travels with the image (ocicrypt; docs/encryption.md): in
 * annotations of the layer, wrapped for recipients. The config of the image stays readable.
 */
#ifndef SNAP_OCI_LAYER_CIPHER_H
#define SNAP_OCI_LAYER_CIPHER_H

#include "base/digest.h"
#include "crypto/ctr_hmac.h"
#include "oci/recipients.h"

/* Behind the media type of such a layer. */
#define ENCRYPTED_SUFFIX "+encrypted"

/* For a new layer. */
int layer_key_new(struct ctr_hmac_key *out, struct error *err);
/* Appends the annotations of a layer, a JSON object. `key` has its HMAC; `plain` is the digest of the layer
 * before it was encrypted. */
int layer_key_annotate(const struct ctr_hmac_key *key, const struct sha256 *plain,
                       const struct layer_recipients *recipients, struct buffer *annotations,
                       struct error *err);

/* The key of a layer out of its annotations, with one of `keys`. -EBADMSG (ERROR_LAYER_ENCRYPTION,
 * ERROR_KEY_WRAPPED), -EACCES (ERROR_KEY_WRONG). To be wiped by the caller. */
int layer_key_open(const char *annotations, const struct key *const *keys, size_t count,
                   struct ctr_hmac_key *out, struct error *err);
/* The same with the keys of this process; `name`, of the image, stands in errors. */
int layer_key_unlock(const char *annotations, const char *name, struct ctr_hmac_key *out, struct error *err);

#endif
