/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

struct crypto_functions crypto;

static const char *const names[] = {CRYPTO_FUNCTIONS(LIBRARY_NAME)};
static struct library library = LIBRARY("libcrypto.so.3", names, crypto);

int crypto_load(struct error *err)
{
        return library_load(&library, err);
}
