/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compress.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int i = 0; i < COMPRESSION_MAX_; i++) {
                _cleanup_buffer_ struct buffer out = {};

                frame_expand((enum compression)i, (struct slice){data, size}, 16 * MIB, &out, NULL);
        }
        return 0;
}
