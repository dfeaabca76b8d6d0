/* SPDX-License-Identifier: Apache-2.0 */
/* AES and what belongs to it, over bytes in memory; keys are 16, 24 or 32 bytes where nothing else is said.
 */
#ifndef SNAP_CRYPTO_CIPHER_H
#define SNAP_CRYPTO_CIPHER_H

#include "base/bytes.h"
#include "base/error.h"

#define AES256_KEY_SIZE 32
#define GCM_NONCE_SIZE  12
#define GCM_TAG_SIZE    16
#define CTR_NONCE_SIZE  16
#define HMAC_SIZE       32

/* Random bytes for keys and nonces. */
int random_fill(void *data, size_t size, struct error *err);

/* AES-GCM (NIST SP 800-38D) under one key, for any number of messages. One thread at a time. */
struct gcm;

int gcm_new(struct slice key, struct gcm **out, struct error *err);
/* As many bytes as `plain` has into `out`, which may be the same, and the tag. */
int gcm_seal(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], struct slice also, struct slice plain,
             uint8_t *out, uint8_t tag[GCM_TAG_SIZE]);
/* -EBADMSG (no error set; `out` is wiped) when any of it is not as it was sealed. `also` is authenticated
 * too. */
int gcm_open(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], struct slice also, struct slice sealed,
             const uint8_t tag[GCM_TAG_SIZE], uint8_t *out);
void gcm_free(struct gcm *gcm);
CLEANUP_DEFINE(struct gcm *, gcm_free);
#define _cleanup_gcm_ _cleanup_(gcm_freep)

/* AES-256-CTR: a key stream from any offset on. One thread at a time. */
struct ctr;

int ctr_new(const uint8_t key[AES256_KEY_SIZE], const uint8_t nonce[CTR_NONCE_SIZE], struct ctr **out,
            struct error *err);
/* Encrypts or decrypts what stands at `offset`, in place. Cheapest where the last call ended. */
int ctr_apply(struct ctr *ctr, uint64_t offset, void *data, size_t size);
void ctr_free(struct ctr *ctr);
CLEANUP_DEFINE(struct ctr *, ctr_free);
#define _cleanup_ctr_ _cleanup_(ctr_freep)

/* HMAC-SHA256 (RFC 2104). */
struct hmac;

int hmac_new(struct slice key, struct hmac **out, struct error *err);
int hmac_update(struct hmac *hmac, const void *data, size_t size);
int hmac_finish(struct hmac *hmac, uint8_t out[HMAC_SIZE]);
void hmac_free(struct hmac *hmac);
CLEANUP_DEFINE(struct hmac *, hmac_free);
#define _cleanup_hmac_ _cleanup_(hmac_freep)

/* 32 bytes of HKDF-SHA256 (RFC 5869) of a key, without salt. */
int hkdf_sha256(struct slice key, const char *purpose, uint8_t out[AES256_KEY_SIZE], struct error *err);

struct scrypt_cost {
        uint64_t n;    /* a power of two; takes 128 * n * r bytes of memory */
        uint32_t r, p; /* time grows with both */
};
/* A key from a passphrase (RFC 7914). */
int scrypt_derive(struct slice passphrase, struct slice salt, const struct scrypt_cost *cost,
                  uint8_t out[AES256_KEY_SIZE], struct error *err);

/* AES key wrap (RFC 3394) of a key of 16, 24 or 32 bytes; 8 more come out. */
#define KEY_WRAP_EXTRA 8
int key_wrap(struct slice wrapping, struct slice key, uint8_t *out, struct error *err);
/* -EBADMSG (no error set) when it was wrapped with another key or altered. */
int key_unwrap(struct slice wrapping, struct slice wrapped, uint8_t *out);

/* AES-CBC with its usual padding; `out` has room for 16 bytes more than there are. -EBADMSG (no error set)
 * when the padding is wrong. */
int cbc_decrypt(struct slice key, struct slice iv, struct slice bytes, uint8_t *out, size_t *size);

#endif
