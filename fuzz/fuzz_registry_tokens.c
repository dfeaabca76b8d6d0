/* SPDX-License-Identifier: Apache-2.0 */
/* The token file of a registry. */
#include "fuzz.h"
#include "oci/registry_server_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct token_table *table;
        const struct token *token;

        if (token_table_parse((struct slice){data, size}, "tokens", &table, NULL) < 0)
                return 0;
        token = token_table_find(table, "token");
        if (token)
                (void)token_allows(token, REGISTRY_PULL, "team/web");
        token_table_free(table);
        return 0;
}
