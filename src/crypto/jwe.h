/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few secret bytes for several keys: JSON Web Encryption (RFC 7516, JSON serialisation), as ocicrypt writes
 * and reads it. Written: A256GCM, with RSA-OAEP-256 or ECDH-ES+A256KW. Read: all of RSA-OAEP, RSA-OAEP-256
 * and ECDH-ES+A{128,192,256}KW with A{128,192,256}GCM (RFC 7518).
 */
#ifndef SNAP_CRYPTO_JWE_H
#define SNAP_CRYPTO_JWE_H

#include "base/secret_memory.h"
#include "crypto/key.h"

#define JWE_MAX            (1 * MIB)
#define JWE_RECIPIENTS_MAX 256
/* Of what is encrypted: a key and what belongs to it. */
#define JWE_PLAIN_MAX (16 * KIB)

/* Appends JSON. Each of `keys` alone opens it; Ed25519 cannot (-EINVAL, ERROR_KEY_FILE). */
int jwe_encrypt(const struct key *const *keys, size_t count, struct slice plain, struct buffer *out,
                struct error *err);
/* -EBADMSG (ERROR_KEY_WRAPPED): it is none or was altered; -EACCES (ERROR_KEY_WRONG): it is for other keys.
 */
int jwe_decrypt(struct slice json, const struct key *const *keys, size_t count, struct secret_memory *out,
                struct error *err);

#endif
