/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of SQLite that are called, in a table: sqlite_load() before the first call. */
#ifndef SNAP_BASE_SQLITE_H
#define SNAP_BASE_SQLITE_H

#include <sqlite3.h>
#include "base/library.h"

/* clang-format off */
#define SQLITE_FUNCTIONS(F) \
        F(sqlite3_bind_int64) \
        F(sqlite3_bind_text) \
        F(sqlite3_busy_timeout) \
        F(sqlite3_changes) \
        F(sqlite3_close) \
        F(sqlite3_column_blob) \
        F(sqlite3_column_bytes) \
        F(sqlite3_column_int64) \
        F(sqlite3_column_text) \
        F(sqlite3_errmsg) \
        F(sqlite3_exec) \
        F(sqlite3_extended_errcode) \
        F(sqlite3_finalize) \
        F(sqlite3_open_v2) \
        F(sqlite3_prepare_v3) \
        F(sqlite3_reset) \
        F(sqlite3_step) \
        F(sqlite3_system_errno)
/* clang-format on */

extern struct sqlite_functions {
        SQLITE_FUNCTIONS(LIBRARY_MEMBER)
} sqlite;

/* Errors: ERROR_TOOL_MISSING. */
int sqlite_load(struct error *err);

static inline void sqlite_close(sqlite3 *database)
{
        sqlite.sqlite3_close(database);
}
CLEANUP_DEFINE(sqlite3 *, sqlite_close);
#define _cleanup_sqlite_ _cleanup_(sqlite_closep)

static inline void sqlite_finalize(sqlite3_stmt *statement)
{
        sqlite.sqlite3_finalize(statement);
}
CLEANUP_DEFINE(sqlite3_stmt *, sqlite_finalize);
#define _cleanup_statement_ _cleanup_(sqlite_finalizep)

#endif
