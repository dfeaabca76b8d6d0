/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-CTR, and HMAC-SHA256 of what comes out: how ocicrypt encrypts a layer. */
#ifndef SNAP_CRYPTO_CTR_HMAC_H
#define SNAP_CRYPTO_CTR_HMAC_H

#include "crypto/cipher.h"

/* Both keys are the same, as ocicrypt has it. */
struct ctr_hmac_key {
        uint8_t key[AES256_KEY_SIZE], nonce[CTR_NONCE_SIZE];
        uint8_t mac[HMAC_SIZE]; /* of the whole, where it is known */
};

struct ctr_hmac;

/* `key` need only last for the call. One thread at a time. */
int ctr_hmac_new(const struct ctr_hmac_key *key, struct ctr_hmac **out, struct error *err);
void ctr_hmac_free(struct ctr_hmac *stream);
CLEANUP_DEFINE(struct ctr_hmac *, ctr_hmac_free);
#define _cleanup_ctr_hmac_ _cleanup_(ctr_hmac_freep)

/* What comes next, in place. 0 or -EIO. */
int ctr_hmac_encrypt(struct ctr_hmac *stream, void *data, size_t size);
int ctr_hmac_decrypt(struct ctr_hmac *stream, void *data, size_t size);
/* That was all. The HMAC; or, is it the one of the key? -EBADMSG (no error set). */
int ctr_hmac_finish(struct ctr_hmac *stream, uint8_t mac[HMAC_SIZE]);
int ctr_hmac_verify(struct ctr_hmac *stream);
/* What stands at `offset`, which proves nothing; not to be mixed with the others. */
int ctr_hmac_decrypt_at(struct ctr_hmac *stream, uint64_t offset, void *data, size_t size);

#endif
