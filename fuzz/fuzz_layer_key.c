/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "fuzz.h"
#include "keys.h"
#include "oci/layer_cipher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct ctr_hmac_key key;

        if (buffer_append(&text, data, size) < 0)
                return 0;
        layer_key_open(buffer_text(&text), fuzz_keys(), FUZZ_KEY_COUNT, &key, NULL);
        return 0;
}
