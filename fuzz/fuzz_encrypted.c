/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/encrypted_header.h"
#include "fuzz.h"
#include "keys.h"

/* The header, and the bytes as a frame. No passphrase is tried: scrypt takes its time on purpose. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct openers openers = {.keys = fuzz_keys(), .count = FUZZ_KEY_COUNT};
        static const uint8_t frame_key[AES256_KEY_SIZE];
        _cleanup_free_ uint8_t *out = malloc(size + 1);
        _cleanup_gcm_ struct gcm *gcm = NULL;
        uint8_t file_key[AES256_KEY_SIZE];
        struct slice bytes = {data, size};
        struct frame_head head;

        if (!out || encrypted_frame_key(frame_key, &gcm, NULL) < 0)
                abort();
        encrypted_header_open(bytes, &openers, file_key, NULL);
        if (encrypted_frame_head(bytes, &head))
                encrypted_frame_open(gcm, bytes, out);
        return 0;
}
