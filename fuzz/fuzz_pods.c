/* SPDX-License-Identifier: Apache-2.0 */
/* checkpointed.pods: what is accepted must survive being written again. */
#include <stdlib.h>
#include "archive/pods.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_pods_ struct pods *pods = NULL, *again = NULL;
        _cleanup_buffer_ struct buffer text = {0};

        if (pods_parse((struct slice){data, size}, "fuzz", &pods, NULL) < 0)
                return 0;
        for (size_t i = 0; i < pods->count; i++) {
                char name[POD_ARCHIVE_SIZE];

                if (strchr(pod_archive_name(&pods->list[i], name), '/') || pods->list[i].sandbox[0] == '.')
                        abort();
        }
        if (pods_write_merged(NULL, pods, &text, NULL) == 0 &&
            (pods_parse(buffer_slice(&text), "fuzz", &again, NULL) < 0 || again->count != pods->count))
                abort();
        buffer_free(&text);
        pods_write_merged(pods, pods, &text, NULL);
        return 0;
}
