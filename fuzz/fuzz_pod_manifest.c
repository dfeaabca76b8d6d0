/* SPDX-License-Identifier: Apache-2.0 */
/* pod.json: what is accepted names only files of its directory, and survives being written again. */
#include <stdlib.h>
#include "archive/pod_manifest.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = NULL, *again = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        _cleanup_buffer_ struct buffer text = {0};

        if (pod_manifest_parse((struct slice){data, size}, "fuzz", &manifest, NULL) < 0)
                return 0;
        for (size_t i = 0; i < manifest->count; i++)
                if (strchr(manifest->parts[i].file, '/') || manifest->parts[i].file[0] == '.')
                        abort();
        doc = yyjson_mut_doc_new(NULL);
        if (pod_manifest_write(manifest, doc, NULL, NULL, &text, NULL) == 0 &&
            (pod_manifest_parse(buffer_slice(&text), "fuzz", &again, NULL) < 0 ||
             again->count != manifest->count))
                abort();
        return 0;
}
