/* SPDX-License-Identifier: Apache-2.0 */
/* A file that says who may do what, in both forms. */
#include "fuzz.h"
#include "net/access.h"
#include "net/errors.h"

static void look(struct slice text, bool has_kinds)
{
        static const char *const rights[] = {"pull", "push", "delete", NULL};
        const struct access_format format = {
                .rights = rights, .has_kinds = has_kinds, .error = &ERROR_HTTP_REQUEST};
        struct access_table *table;
        const struct access_line *line;

        if (access_table_parse(text, "tokens", &format, &table, NULL) < 0)
                return;
        line = access_table_find(table, "token");
        if (line)
                (void)access_line_allows(line, 1, "team/web");
        for (line = NULL; (line = access_table_next(table, ACCESS_GROUP, "ops", line));)
                (void)access_line_allows(line, 2, NULL);
        access_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        look((struct slice){data, size}, false);
        look((struct slice){data, size}, true);
        return 0;
}
