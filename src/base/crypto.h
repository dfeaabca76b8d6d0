/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of OpenSSL's libcrypto that are called, in a table: crypto_load() before the first call. */
#ifndef SNAP_BASE_CRYPTO_H
#define SNAP_BASE_CRYPTO_H

#include <openssl/evp.h>
#include "base/library.h"

/* clang-format off */
#define CRYPTO_FUNCTIONS(F) \
        F(EVP_Digest) \
        F(EVP_DigestFinal_ex) \
        F(EVP_DigestInit_ex) \
        F(EVP_DigestUpdate) \
        F(EVP_MD_CTX_free) \
        F(EVP_MD_CTX_new) \
        F(EVP_sha256)
/* clang-format on */

extern struct crypto_functions {
        CRYPTO_FUNCTIONS(LIBRARY_MEMBER)
} crypto;

/* Errors: ERROR_TOOL_MISSING. */
int crypto_load(struct error *err);

#endif
