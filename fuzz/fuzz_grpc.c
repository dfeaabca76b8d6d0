/* SPDX-License-Identifier: Apache-2.0 */
/* What a service of gRPC answers: the body, and its words when it refuses. The first byte says which. */
#include <stdlib.h>
#include "fuzz.h"
#include "net/grpc.h"

static void body(struct slice bytes)
{
        _cleanup_buffer_ struct buffer again = {0};
        struct slice message;

        if (grpc_frame_read(bytes, &message) < 0)
                return;
        if (grpc_frame_append(message, &again) < 0)
                return;
        if (again.size != bytes.size || memcmp(again.data, bytes.data, bytes.size) != 0)
                abort();
}

static void words(struct slice bytes)
{
        _cleanup_free_ char *field = strndup((const char *)bytes.data, bytes.size);
        _cleanup_buffer_ struct buffer text = {0};

        if (!field || grpc_message_decode(field, &text) < 0)
                return;
        for (size_t i = 0; i < text.size; i++)
                if (text.data[i] != '\n' && (text.data[i] < ' ' || text.data[i] > '~'))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        if (data[0] % 2)
                words((struct slice){data + 1, size - 1});
        else
                body((struct slice){data + 1, size - 1});
        return 0;
}
