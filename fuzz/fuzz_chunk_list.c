/* SPDX-License-Identifier: Apache-2.0 */
/* What another node says of an archive's chunks: what is taken is written the same again. */
#include <stdlib.h>
#include "fuzz.h"
#include "node/chunk_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_chunk_list_ struct chunk_list list = {0}, again = {0};
        _cleanup_buffer_ struct buffer text = {0};

        if (chunk_list_parse((struct slice){data, size}, "fuzz", &list, NULL) < 0)
                return 0;
        if (list.count > CHUNK_COUNT_MAX || chunk_list_write(&list, &text, NULL) < 0 ||
            chunk_list_parse(buffer_slice(&text), "fuzz", &again, NULL) < 0 || list.count != again.count ||
            memcmp(list.digests, again.digests, list.count * sizeof(*list.digests)) != 0)
                abort();
        return 0;
}
