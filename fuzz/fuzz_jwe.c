/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/jwe.h"
#include "fuzz.h"
#include "keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_secret_memory_ struct secret_memory out = {0};

        jwe_decrypt((struct slice){data, size}, fuzz_keys(), FUZZ_KEY_COUNT, &out, NULL);
        return 0;
}
