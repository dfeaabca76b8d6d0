/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer know of a key. Not for others. */
#ifndef SNAP_CRYPTO_KEY_PRIVATE_H
#define SNAP_CRYPTO_KEY_PRIVATE_H

#include "crypto/key.h"
#include "crypto/openssl.h"

enum key_type { KEY_RSA, KEY_EC, KEY_ED25519 };

struct key {
        EVP_PKEY *pkey;
        X509 *certificate; /* NULL: it has none */
        enum key_type type;
        bool is_private;
        char *name;
};

/* RSA_PKCS1_PADDING, or RSA_PKCS1_OAEP_PADDING with its digest. Appends. */
int key_rsa_encrypt(const struct key *key, int padding, const EVP_MD *digest, struct slice in,
                    struct buffer *out, struct error *err);
/* `out` has room for any key's result: KEY_RSA_MAX bytes. -EBADMSG (no error set). */
#define KEY_RSA_MAX 2048
int key_rsa_decrypt(const struct key *key, int padding, const EVP_MD *digest, struct slice in, uint8_t *out,
                    size_t *size);

#endif
