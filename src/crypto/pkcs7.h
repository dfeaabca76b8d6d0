/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few secret bytes for several certificates: enveloped data of PKCS #7 (RFC 2315 section 10), as ocicrypt
 * writes and reads it. Written: AES-256-CBC, RSA PKCS#1 v1.5. Read: AES in CBC or GCM, RSA PKCS#1 v1.5 or
 * OAEP. Only RSA, as in ocicrypt.
 */
#ifndef SNAP_CRYPTO_PKCS7_H
#define SNAP_CRYPTO_PKCS7_H

#include "base/secret_memory.h"
#include "crypto/key.h"

#define PKCS7_MAX (1 * MIB)

/* Appends DER. Each of the keys has a certificate and is RSA (-EINVAL, ERROR_KEY_FILE). */
int pkcs7_encrypt(const struct key *const *keys, size_t count, struct slice plain, struct buffer *out,
                  struct error *err);
/* By private keys alone: their certificates are not needed. -EBADMSG (ERROR_KEY_WRAPPED): it is none; -EACCES
 * (ERROR_KEY_WRONG): it is for other keys, or was altered. */
int pkcs7_decrypt(struct slice der, const struct key *const *keys, size_t count, struct secret_memory *out,
                  struct error *err);

#endif
