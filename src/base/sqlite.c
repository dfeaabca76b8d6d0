/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sqlite.h"

struct sqlite_functions sqlite;

static const char *const names[] = {SQLITE_FUNCTIONS(LIBRARY_NAME)};
static struct library library = LIBRARY("libsqlite3.so.0", names, sqlite);

int sqlite_load(struct error *err)
{
        return library_load(&library, err);
}
