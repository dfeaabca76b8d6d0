/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cipher.h"

#include <errno.h>
#include <limits.h>
#include "crypto/openssl.h"

/* OpenSSL counts in int. */
#define STEP_MAX (1 * GIB)

#define AES_BLOCK 16

struct gcm {
        EVP_CIPHER_CTX *context;
        bool encrypts; /* how the key is set up */
};

struct ctr {
        EVP_CIPHER_CTX *context;
        uint8_t nonce[CTR_NONCE_SIZE];
        uint64_t position; /* of the next byte of the key stream */
};

struct hmac {
        EVP_MAC_CTX *context;
};

int random_fill(void *data, size_t size, struct error *err)
{
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        return size <= INT_MAX && ossl.RAND_priv_bytes(data, (int)size) == 1
                       ? 0
                       : ossl_failed("making random bytes", err);
}

static const EVP_CIPHER *gcm_cipher(size_t key_size)
{
        switch (key_size) {
        case 16:
                return ossl.EVP_aes_128_gcm();
        case 24:
                return ossl.EVP_aes_192_gcm();
        case 32:
                return ossl.EVP_aes_256_gcm();
        default:
                return NULL;
        }
}

int gcm_new(struct slice key, struct gcm **out, struct error *err)
{
        _cleanup_gcm_ struct gcm *gcm = NULL;
        const EVP_CIPHER *cipher;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        gcm = calloc(1, sizeof(*gcm));
        if (!gcm)
                return error_oom(err);
        cipher = gcm_cipher(key.size);
        gcm->context = ossl.EVP_CIPHER_CTX_new();
        gcm->encrypts = true;
        if (!cipher || !gcm->context ||
            ossl.EVP_CipherInit_ex(gcm->context, cipher, NULL, key.data, NULL, 1) != 1)
                return ossl_failed("AES-GCM", err);
        *out = steal_ptr(gcm);
        return 0;
}

void gcm_free(struct gcm *gcm)
{
        if (!gcm)
                return;
        if (gcm->context)
                ossl.EVP_CIPHER_CTX_free(gcm->context);
        free(gcm);
}

/* All of `in`; `out` NULL: only authenticated. */
static bool update(EVP_CIPHER_CTX *context, struct slice in, uint8_t *out)
{
        struct slice part;

        while (in.size) {
                int n;

                slice_take(&in, in.size < STEP_MAX ? in.size : STEP_MAX, &part);
                if (ossl.EVP_CipherUpdate(context, out, &n, part.data, (int)part.size) != 1)
                        return false;
                if (out)
                        out += n;
        }
        return true;
}

int gcm_seal(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], struct slice also, struct slice plain,
             uint8_t *out, uint8_t tag[GCM_TAG_SIZE])
{
        uint8_t none[AES_BLOCK];
        int n;

        if (ossl.EVP_CipherInit_ex(gcm->context, NULL, NULL, NULL, nonce, 1) != 1 ||
            !update(gcm->context, also, NULL) || !update(gcm->context, plain, out) ||
            ossl.EVP_CipherFinal_ex(gcm->context, none, &n) != 1 ||
            ossl.EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) != 1)
                return -EIO;
        return 0;
}

int gcm_open(struct gcm *gcm, const uint8_t nonce[GCM_NONCE_SIZE], struct slice also, struct slice sealed,
             const uint8_t tag[GCM_TAG_SIZE], uint8_t *out)
{
        uint8_t none[AES_BLOCK], expected[GCM_TAG_SIZE];
        int n;

        memcpy(expected, tag, sizeof(expected));
        if (ossl.EVP_CipherInit_ex(gcm->context, NULL, NULL, NULL, nonce, 0) != 1 ||
            !update(gcm->context, also, NULL) || !update(gcm->context, sealed, out) ||
            ossl.EVP_CIPHER_CTX_ctrl(gcm->context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) != 1)
                return -EIO;
        if (ossl.EVP_CipherFinal_ex(gcm->context, none, &n) == 1)
                return 0;
        ossl.ERR_clear_error();
        explicit_bzero(out, sealed.size);
        return -EBADMSG;
}

int ctr_new(const uint8_t key[AES256_KEY_SIZE], const uint8_t nonce[CTR_NONCE_SIZE], struct ctr **out,
            struct error *err)
{
        _cleanup_ctr_ struct ctr *ctr = NULL;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        ctr = calloc(1, sizeof(*ctr));
        if (!ctr)
                return error_oom(err);
        memcpy(ctr->nonce, nonce, CTR_NONCE_SIZE);
        ctr->context = ossl.EVP_CIPHER_CTX_new();
        if (!ctr->context ||
            ossl.EVP_CipherInit_ex(ctr->context, ossl.EVP_aes_256_ctr(), NULL, key, nonce, 1) != 1)
                return ossl_failed("AES-CTR", err);
        *out = steal_ptr(ctr);
        return 0;
}

void ctr_free(struct ctr *ctr)
{
        if (!ctr)
                return;
        if (ctr->context)
                ossl.EVP_CIPHER_CTX_free(ctr->context);
        free(ctr);
}

/* The counter is the whole nonce, big-endian, one more for each block. */
static bool ctr_seek(struct ctr *ctr, uint64_t offset)
{
        uint8_t counter[CTR_NONCE_SIZE], skipped[AES_BLOCK] = {0};
        uint64_t carry = offset / AES_BLOCK;

        memcpy(counter, ctr->nonce, sizeof(counter));
        for (int i = CTR_NONCE_SIZE - 1; i >= 0 && carry; i--) {
                carry += counter[i];
                counter[i] = (uint8_t)carry;
                carry >>= 8;
        }
        ctr->position = offset;
        return ossl.EVP_CipherInit_ex(ctr->context, NULL, NULL, NULL, counter, 1) == 1 &&
               update(ctr->context, (struct slice){skipped, offset % AES_BLOCK}, skipped);
}

int ctr_apply(struct ctr *ctr, uint64_t offset, void *data, size_t size)
{
        if (offset != ctr->position && !ctr_seek(ctr, offset))
                return -EIO;
        ctr->position += size;
        return update(ctr->context, (struct slice){data, size}, data) ? 0 : -EIO;
}

int hmac_new(struct slice key, struct hmac **out, struct error *err)
{
        OSSL_PARAM parameters[2];
        char digest[] = "SHA256";
        _cleanup_hmac_ struct hmac *hmac = NULL;
        EVP_MAC *mac;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        hmac = calloc(1, sizeof(*hmac));
        if (!hmac)
                return error_oom(err);
        parameters[0] = ossl.OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
        parameters[1] = ossl.OSSL_PARAM_construct_end();
        mac = ossl.EVP_MAC_fetch(NULL, "HMAC", NULL);
        hmac->context = mac ? ossl.EVP_MAC_CTX_new(mac) : NULL;
        ossl.EVP_MAC_free(mac);
        if (!hmac->context || ossl.EVP_MAC_init(hmac->context, key.data, key.size, parameters) != 1)
                return ossl_failed("HMAC", err);
        *out = steal_ptr(hmac);
        return 0;
}

int hmac_update(struct hmac *hmac, const void *data, size_t size)
{
        return ossl.EVP_MAC_update(hmac->context, data, size) == 1 ? 0 : -EIO;
}

int hmac_finish(struct hmac *hmac, uint8_t out[HMAC_SIZE])
{
        size_t size;

        return ossl.EVP_MAC_final(hmac->context, out, &size, HMAC_SIZE) == 1 ? 0 : -EIO;
}

void hmac_free(struct hmac *hmac)
{
        if (!hmac)
                return;
        if (hmac->context)
                ossl.EVP_MAC_CTX_free(hmac->context);
        free(hmac);
}

static int derive(const char *name, const OSSL_PARAM *parameters, uint8_t out[AES256_KEY_SIZE],
                  struct error *err)
{
        EVP_KDF *kdf = ossl.EVP_KDF_fetch(NULL, name, NULL);
        EVP_KDF_CTX *context = kdf ? ossl.EVP_KDF_CTX_new(kdf) : NULL;
        bool done = context && ossl.EVP_KDF_derive(context, out, AES256_KEY_SIZE, parameters) == 1;

        ossl.EVP_KDF_CTX_free(context);
        ossl.EVP_KDF_free(kdf);
        return done ? 0 : ossl_failed("deriving a key", err);
}

/* OSSL_PARAM has one type for what is read and what is written. */
static OSSL_PARAM octets(const char *key, struct slice bytes)
{
        return ossl.OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)bytes.data, bytes.size);
}

int hkdf_sha256(struct slice key, const char *purpose, uint8_t out[AES256_KEY_SIZE], struct error *err)
{
        OSSL_PARAM parameters[4];
        char digest[] = "SHA256";
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        parameters[0] = ossl.OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
        parameters[1] = octets(OSSL_KDF_PARAM_KEY, key);
        parameters[2] = octets(OSSL_KDF_PARAM_INFO, SLICE_TEXT(purpose));
        parameters[3] = ossl.OSSL_PARAM_construct_end();
        return derive("HKDF", parameters, out, err);
}

int scrypt_derive(struct slice passphrase, struct slice salt, const struct scrypt_cost *cost,
                  uint8_t out[AES256_KEY_SIZE], struct error *err)
{
        uint64_t n = cost->n, r = cost->r, p = cost->p, memory = UINT64_MAX;
        OSSL_PARAM parameters[7];
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        parameters[0] = octets(OSSL_KDF_PARAM_PASSWORD, passphrase);
        parameters[1] = octets(OSSL_KDF_PARAM_SALT, salt);
        parameters[2] = ossl.OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n);
        parameters[3] = ossl.OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r);
        parameters[4] = ossl.OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p);
        parameters[5] = ossl.OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory);
        parameters[6] = ossl.OSSL_PARAM_construct_end();
        return derive("SCRYPT", parameters, out, err);
}

/* One message from beginning to end. False: it failed, or (decrypting) something was not as it must be. */
static bool cipher_once(const EVP_CIPHER *cipher, bool encrypt, const uint8_t *key, const uint8_t *iv,
                        struct slice in, uint8_t *out, size_t *size)
{
        EVP_CIPHER_CTX *context = ossl.EVP_CIPHER_CTX_new();
        int n = 0, last = 0;
        bool done;

        if (context)
                ossl.EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        done = context && cipher && in.size <= INT_MAX &&
               ossl.EVP_CipherInit_ex(context, cipher, NULL, key, iv, encrypt) == 1 &&
               ossl.EVP_CipherUpdate(context, out, &n, in.data, (int)in.size) == 1 &&
               ossl.EVP_CipherFinal_ex(context, out + n, &last) == 1;
        ossl.EVP_CIPHER_CTX_free(context);
        ossl.ERR_clear_error();
        *size = (size_t)n + (size_t)last;
        return done;
}

static const EVP_CIPHER *wrap_cipher(size_t key_size)
{
        switch (key_size) {
        case 16:
                return ossl.EVP_aes_128_wrap();
        case 24:
                return ossl.EVP_aes_192_wrap();
        case 32:
                return ossl.EVP_aes_256_wrap();
        default:
                return NULL;
        }
}

int key_wrap(struct slice wrapping, struct slice key, uint8_t *out, struct error *err)
{
        size_t size;
        int ret = ossl_load(err);

        if (ret < 0)
                return ret;
        if (!cipher_once(wrap_cipher(wrapping.size), true, wrapping.data, NULL, key, out, &size) ||
            size != key.size + KEY_WRAP_EXTRA)
                return ossl_failed("AES key wrap", err);
        return 0;
}

int key_unwrap(struct slice wrapping, struct slice wrapped, uint8_t *out)
{
        size_t size;

        if (wrapped.size < 16 + KEY_WRAP_EXTRA || wrapped.size % 8 || ossl_load(NULL) < 0)
                return -EBADMSG;
        return cipher_once(wrap_cipher(wrapping.size), false, wrapping.data, NULL, wrapped, out, &size) &&
                               size == wrapped.size - KEY_WRAP_EXTRA
                       ? 0
                       : -EBADMSG;
}

int cbc_decrypt(struct slice key, struct slice iv, struct slice bytes, uint8_t *out, size_t *size)
{
        const EVP_CIPHER *cipher;

        if (ossl_load(NULL) < 0)
                return -EIO;
        cipher = key.size == 16   ? ossl.EVP_aes_128_cbc()
                 : key.size == 24 ? ossl.EVP_aes_192_cbc()
                 : key.size == 32 ? ossl.EVP_aes_256_cbc()
                                  : NULL;
        if (!cipher || iv.size != AES_BLOCK)
                return -EBADMSG;
        return cipher_once(cipher, false, key.data, iv.data, bytes, out, size) ? 0 : -EBADMSG;
}
