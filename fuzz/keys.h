/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys for targets that decrypt; new ones in each run. */
#ifndef SNAP_FUZZ_KEYS_H
#define SNAP_FUZZ_KEYS_H

#include <stdlib.h>
#include "crypto/key_private.h"

/* One RSA, one EC. */
static inline const struct key *const *fuzz_keys(void)
{
        static struct key rsa = {.type = KEY_RSA, .is_private = true},
                          ec = {.type = KEY_EC, .is_private = true};
        static const struct key *const keys[] = {&rsa, &ec};

        if (rsa.pkey)
                return keys;
        if (ossl_load(NULL) < 0)
                abort();
        rsa.pkey = ossl.EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
        ec.pkey = ossl.EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        rsa.name = ec.name = (char *)(uintptr_t)"key";
        if (!rsa.pkey || !ec.pkey)
                abort();
        return keys;
}

#define FUZZ_KEY_COUNT 2

#endif
