/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of OpenSSL's libcrypto that this layer calls, as members of one table:
 * `ossl.EVP_PKEY_free(key)`. The library is loaded when the first of them is needed, as most runs need none
 * and loading costs more than they take. Only for the files of this layer.
 */
#ifndef SNAP_CRYPTO_OPENSSL_H
#define SNAP_CRYPTO_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "base/library.h"

#define OSSL_FUNCTIONS(F)                                                                                    \
        F(BIO_free)                                                                                          \
        F(BIO_new_mem_buf)                                                                                   \
        F(BN_bn2binpad)                                                                                      \
        F(BN_free)                                                                                           \
        F(CRYPTO_free)                                                                                       \
        F(ERR_clear_error)                                                                                   \
        F(ERR_peek_last_error)                                                                               \
        F(EVP_CIPHER_CTX_ctrl)                                                                               \
        F(EVP_CIPHER_CTX_free)                                                                               \
        F(EVP_CIPHER_CTX_new)                                                                                \
        F(EVP_CIPHER_CTX_set_flags)                                                                          \
        F(EVP_CipherFinal_ex)                                                                                \
        F(EVP_CipherInit_ex)                                                                                 \
        F(EVP_CipherUpdate)                                                                                  \
        F(EVP_DigestSign)                                                                                    \
        F(EVP_DigestSignInit)                                                                                \
        F(EVP_DigestVerify)                                                                                  \
        F(EVP_DigestVerifyInit)                                                                              \
        F(EVP_KDF_CTX_free)                                                                                  \
        F(EVP_KDF_CTX_new)                                                                                   \
        F(EVP_KDF_derive)                                                                                    \
        F(EVP_KDF_fetch)                                                                                     \
        F(EVP_KDF_free)                                                                                      \
        F(EVP_MAC_CTX_free)                                                                                  \
        F(EVP_MAC_CTX_new)                                                                                   \
        F(EVP_MAC_fetch)                                                                                     \
        F(EVP_MAC_final)                                                                                     \
        F(EVP_MAC_free)                                                                                      \
        F(EVP_MAC_init)                                                                                      \
        F(EVP_MAC_update)                                                                                    \
        F(EVP_MD_CTX_free)                                                                                   \
        F(EVP_MD_CTX_new)                                                                                    \
        F(EVP_PKEY_CTX_free)                                                                                 \
        F(EVP_PKEY_CTX_new)                                                                                  \
        F(EVP_PKEY_CTX_new_from_name)                                                                        \
        F(EVP_PKEY_CTX_set_rsa_mgf1_md)                                                                      \
        F(EVP_PKEY_CTX_set_rsa_oaep_md)                                                                      \
        F(EVP_PKEY_CTX_set_rsa_padding)                                                                      \
        F(EVP_PKEY_Q_keygen)                                                                                 \
        F(EVP_PKEY_decrypt)                                                                                  \
        F(EVP_PKEY_decrypt_init)                                                                             \
        F(EVP_PKEY_derive)                                                                                   \
        F(EVP_PKEY_derive_init)                                                                              \
        F(EVP_PKEY_derive_set_peer)                                                                          \
        F(EVP_PKEY_encrypt)                                                                                  \
        F(EVP_PKEY_encrypt_init)                                                                             \
        F(EVP_PKEY_free)                                                                                     \
        F(EVP_PKEY_fromdata)                                                                                 \
        F(EVP_PKEY_fromdata_init)                                                                            \
        F(EVP_PKEY_get_base_id)                                                                              \
        F(EVP_PKEY_get_bits)                                                                                 \
        F(EVP_PKEY_get_bn_param)                                                                             \
        F(EVP_PKEY_get_group_name)                                                                           \
        F(EVP_PKEY_get_size)                                                                                 \
        F(EVP_aes_128_cbc)                                                                                   \
        F(EVP_aes_128_gcm)                                                                                   \
        F(EVP_aes_128_wrap)                                                                                  \
        F(EVP_aes_192_cbc)                                                                                   \
        F(EVP_aes_192_gcm)                                                                                   \
        F(EVP_aes_192_wrap)                                                                                  \
        F(EVP_aes_256_cbc)                                                                                   \
        F(EVP_aes_256_ctr)                                                                                   \
        F(EVP_aes_256_gcm)                                                                                   \
        F(EVP_aes_256_wrap)                                                                                  \
        F(EVP_sha1)                                                                                          \
        F(EVP_sha224)                                                                                        \
        F(EVP_sha256)                                                                                        \
        F(EVP_sha384)                                                                                        \
        F(EVP_sha512)                                                                                        \
        F(OPENSSL_sk_free)                                                                                   \
        F(OPENSSL_sk_new_null)                                                                               \
        F(OPENSSL_sk_push)                                                                                   \
        F(OSSL_PARAM_construct_end)                                                                          \
        F(OSSL_PARAM_construct_octet_string)                                                                 \
        F(OSSL_PARAM_construct_uint64)                                                                       \
        F(OSSL_PARAM_construct_utf8_string)                                                                  \
        F(PEM_read_bio_PUBKEY)                                                                               \
        F(PEM_read_bio_PrivateKey)                                                                           \
        F(PEM_read_bio_X509)                                                                                 \
        F(PKCS7_encrypt)                                                                                     \
        F(PKCS7_free)                                                                                        \
        F(RAND_priv_bytes)                                                                                   \
        F(X509_free)                                                                                         \
        F(X509_get_pubkey)                                                                                   \
        F(i2d_PKCS7)

struct ossl {
        OSSL_FUNCTIONS(LIBRARY_MEMBER)
};

extern struct ossl ossl;

/* Before the first use of the table; cheap afterwards, and from any thread. */
int ossl_load(struct error *err);
/* "what: reason" by OpenSSL's own account. Returns -EIO. */
int ossl_failed(const char *what, struct error *err);

#endif
