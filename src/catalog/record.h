/* SPDX-License-Identifier: Apache-2.0 */
/* A struct as the columns of a table and as the members of a JSON object, by a list of its fields. Only for
 * the files of this folder. */
#ifndef SNAP_CATALOG_RECORD_H
#define SNAP_CATALOG_RECORD_H

#include "base/json.h"
#include "base/sqlite.h"

enum field_type {
        FIELD_TEXT,   /* char *, owned, never NULL */
        FIELD_NUMBER, /* uint64_t */
        FIELD_TIME,   /* int64_t, nanoseconds since 1970; as RFC 3339 in JSON, absent when 0 */
        FIELD_FLAG,   /* bool */
        FIELD_INT,    /* int or an enum */
};

struct field {
        const char *column; /* NULL: not in the table */
        const char *member; /* NULL: not in JSON, or otherwise */
        enum field_type type;
        size_t offset;
};

struct record_type {
        const char *table;          /* which has, before these, `seq`, the order in which rows were added */
        const struct field *fields; /* the first column is the id */
        size_t count, size;
};

/* Zeros, and every text empty. */
int record_new(const struct record_type *type, void **out, struct error *err);
void record_free(const struct record_type *type, void *record);

int record_copy(const struct record_type *type, const void *record, void **out, struct error *err);

/* NULL: out of memory. */
yyjson_mut_val *record_json(const struct record_type *type, const void *record, yyjson_mut_doc *doc);
/* Absent members stay as they are; ERROR_BAD_JSON for those of another type. */
int record_from_json(const struct record_type *type, yyjson_val *object, void *record, struct error *err);

/* SQL: "CREATE TABLE IF NOT EXISTS …", "INSERT … ON CONFLICT(id) DO UPDATE …" with the columns as parameters,
 * and the names of the columns separated by commas. 0 or -ENOMEM. */
int record_sql_create(const struct record_type *type, struct buffer *out);
int record_sql_put(const struct record_type *type, struct buffer *out);
int record_sql_columns(const struct record_type *type, struct buffer *out);

/* An SQLite status. The record must live until the statement is reset. */
int record_bind(const struct record_type *type, const void *record, sqlite3_stmt *statement);
/* From the columns of the current row. */
int record_read(const struct record_type *type, sqlite3_stmt *statement, void **out, struct error *err);

#endif
