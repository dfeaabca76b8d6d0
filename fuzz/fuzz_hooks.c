/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks of a request: what is accepted is within its limits. */
#include <stdlib.h>
#include "fuzz.h"
#include "node/hooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const members[] = {"preFreeze", "postFreeze", "postRestore"};
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct hook_list hooks;

        if (json_parse((struct slice){data, size}, "fuzz", &doc, NULL) < 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
                if (hooks_parse(yyjson_doc_get_root(doc), members[i], &hooks, NULL) < 0)
                        continue;
                if (hooks.count > HOOKS_MOST)
                        abort();
                for (size_t j = 0; j < hooks.count; j++) {
                        const struct hook *hook = &hooks.items[j];

                        if (!hook->command[0] == (!hook->url && !hook->port) && !hook->command[0])
                                abort();
                        if (hook->timeout_s == 0 || hook->timeout_s > 3600)
                                abort();
                }
        }
        return 0;
}
