/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/index.h"
#include "base/digest.h"
#include "fuzz.h"

/* The digest is made to match, or nothing behind it would ever be reached. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_archive_index_ struct archive_index index = {};
        _cleanup_buffer_ struct buffer bytes = {}, again = {};
        uint8_t tail_bytes[ARCHIVE_TAIL_SIZE] = {0};
        struct archive_tail tail;
        struct sha256 digest;

        if (size < SHA256_SIZE || sha256_of((struct slice){data, size - SHA256_SIZE}, &digest, NULL) < 0 ||
            buffer_append(&bytes, data, size - SHA256_SIZE) < 0 ||
            buffer_append(&bytes, digest.bytes, SHA256_SIZE) < 0)
                return 0;
        if (archive_index_decode(buffer_slice(&bytes), &index, NULL) == 0 &&
            (archive_index_encode(&index, &again, NULL) < 0 || again.size != bytes.size ||
             memcmp(again.data, bytes.data, bytes.size) != 0))
                abort();
        memcpy(tail_bytes, data, size < sizeof(tail_bytes) ? size : sizeof(tail_bytes));
        archive_tail_decode(tail_bytes, &tail, NULL);
        return 0;
}
