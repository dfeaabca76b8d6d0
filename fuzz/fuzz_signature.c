/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "fuzz.h"
#include "keys.h"
#include "oci/signature.h"

/* As a payload that is really signed, so that its contents are looked at; and as a manifest of signatures. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct key *const *keys = fuzz_keys() + 1;
        _cleanup_buffer_ struct buffer bytes = {0}, text = {0};
        _cleanup_signatures_ struct signatures signatures = {0};
        static const struct sha256 image;
        struct slice payload = {data, size};

        if (key_sign(keys[0], payload, &bytes, NULL) < 0 ||
            base64_encode(BASE64, buffer_slice(&bytes), &text) < 0)
                abort();
        signature_verify(payload, buffer_text(&text), keys, 1, &image, "localhost:5000/web", NULL);
        signatures_parse(payload, &signatures, NULL);
        return 0;
}
