/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest or index as a registry looks at it; what it keeps of one must be JSON again. */
#include <stdlib.h>
#include "base/json.h"
#include "fuzz.h"
#include "oci/manifest_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const types[] = {"application/vnd.oci.image.manifest.v1+json",
                                            "application/vnd.oci.image.index.v1+json"};
        const struct sha256 digest = {{0}};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                _cleanup_manifest_facts_ struct manifest_facts facts = {0};
                _cleanup_json_ yyjson_doc *doc = NULL;

                if (manifest_facts_parse((struct slice){data, size}, types[i], &digest, &facts, NULL) < 0)
                        continue;
                if (facts.has_subject &&
                    json_parse(buffer_slice(&facts.referrer), "referrer", &doc, NULL) < 0)
                        abort();
        }
        return 0;
}
