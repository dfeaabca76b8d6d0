/* SPDX-License-Identifier: Apache-2.0 */
/* Key agreement for JWE (RFC 7518 section 4.6). Not for others. */
#ifndef SNAP_CRYPTO_JWE_PRIVATE_H
#define SNAP_CRYPTO_JWE_PRIVATE_H

#include "base/json.h"
#include "crypto/key_private.h"

/* Beside the shared secret, what the wrapping key depends on. */
struct jwe_agreement {
        const char *algorithm; /* "ECDH-ES+A256KW" */
        size_t key_size;       /* bytes of the wrapping key */
        struct slice apu, apv; /* what sender and receiver are called; mostly empty */
};

/* A new ephemeral key on the curve of `key`: its "epk" object, and the wrapping key. */
int jwe_agree_new(const struct key *key, const struct jwe_agreement *agreement, yyjson_mut_doc *doc,
                  yyjson_mut_val **epk, uint8_t *wrapping, struct error *err);
/* The wrapping key by our private key and the "epk" of the sender. -EBADMSG (no error set) when it is no
 * point on the curve of the key. */
int jwe_agree(const struct key *key, const struct jwe_agreement *agreement, yyjson_val *epk,
              uint8_t *wrapping);

#endif
