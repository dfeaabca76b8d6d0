/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/record.h"

#include <errno.h>
#include "base/clock.h"

/* The place of a field in its struct. */
static void *at(const void *record, const struct field *field)
{
        return (char *)(uintptr_t)record + field->offset;
}

static const char *text_at(const void *record, const struct field *field)
{
        return *(char **)at(record, field);
}

int record_new(const struct record_type *type, void **out, struct error *err)
{
        void *record = calloc(1, type->size);
        int r = record ? 0 : error_oom(err);

        for (size_t i = 0; r == 0 && i < type->count; i++)
                if (type->fields[i].type == FIELD_TEXT && text_set(at(record, &type->fields[i]), "") < 0)
                        r = error_oom(err);
        if (r < 0)
                record_free(type, record);
        else
                *out = record;
        return r;
}

void record_free(const struct record_type *type, void *record)
{
        for (size_t i = 0; record && i < type->count; i++)
                if (type->fields[i].type == FIELD_TEXT)
                        free(*(char **)at(record, &type->fields[i]));
        free(record);
}

int record_copy(const struct record_type *type, const void *record, void **out, struct error *err)
{
        char *copy = calloc(1, type->size);
        int r = 0;

        if (!copy)
                return error_oom(err);
        memcpy(copy, record, type->size);
        for (size_t i = 0; i < type->count; i++)
                if (type->fields[i].type == FIELD_TEXT)
                        *(char **)at(copy, &type->fields[i]) = NULL;
        for (size_t i = 0; r == 0 && i < type->count; i++)
                if (type->fields[i].type == FIELD_TEXT &&
                    text_set(at(copy, &type->fields[i]), text_at(record, &type->fields[i])) < 0)
                        r = error_oom(err);
        if (r < 0)
                record_free(type, copy);
        else
                *out = copy;
        return r;
}

static bool json_add(const void *record, const struct field *field, yyjson_mut_doc *doc,
                     yyjson_mut_val *object)
{
        char time[RFC3339_SIZE];
        int64_t ns;

        switch (field->type) {
        case FIELD_TEXT:
                return yyjson_mut_obj_add_strcpy(doc, object, field->member, text_at(record, field));
        case FIELD_NUMBER:
                return yyjson_mut_obj_add_uint(doc, object, field->member, *(uint64_t *)at(record, field));
        case FIELD_TIME:
                ns = *(int64_t *)at(record, field);
                return !ns || yyjson_mut_obj_add_strcpy(doc, object, field->member, rfc3339_format(ns, time));
        case FIELD_FLAG:
                return yyjson_mut_obj_add_bool(doc, object, field->member, *(bool *)at(record, field));
        case FIELD_INT:
                return yyjson_mut_obj_add_int(doc, object, field->member, *(int *)at(record, field));
        }
        return false;
}

yyjson_mut_val *record_json(const struct record_type *type, const void *record, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        for (size_t i = 0; object && i < type->count; i++)
                if (type->fields[i].member && !json_add(record, &type->fields[i], doc, object))
                        object = NULL;
        return object;
}

static bool json_take(const struct field *field, yyjson_val *object, yyjson_val *value, void *place)
{
        const char *text = json_text(object, field->member);

        switch (field->type) {
        case FIELD_TEXT:
                return text && text_set(place, text) == 0;
        case FIELD_NUMBER:
                *(uint64_t *)place = yyjson_get_uint(value);
                return yyjson_is_uint(value);
        case FIELD_TIME:
                return text && rfc3339_parse(text, place);
        case FIELD_FLAG:
                *(bool *)place = yyjson_get_bool(value);
                return yyjson_is_bool(value);
        case FIELD_INT:
                *(int *)place = yyjson_get_int(value);
                return yyjson_is_int(value);
        }
        return false;
}

int record_from_json(const struct record_type *type, yyjson_val *object, void *record, struct error *err)
{
        if (!yyjson_is_obj(object))
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "a record must be a JSON object");
        for (size_t i = 0; i < type->count; i++) {
                const struct field *field = &type->fields[i];
                yyjson_val *value = field->member ? yyjson_obj_get(object, field->member) : NULL;

                if (value && !json_take(field, object, value, at(record, field)))
                        return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "the member `%s` is malformed",
                                         field->member);
        }
        return 0;
}

static bool is_text(const struct field *field)
{
        return field->type == FIELD_TEXT;
}

int record_sql_create(const struct record_type *type, struct buffer *out)
{
        int r = buffer_printf(out, "CREATE TABLE %s (seq INTEGER PRIMARY KEY AUTOINCREMENT", type->table);

        for (size_t i = 0; r == 0 && i < type->count; i++)
                if (type->fields[i].column)
                        r = buffer_printf(out, ", %s %s NOT NULL%s", type->fields[i].column,
                                          is_text(&type->fields[i]) ? "TEXT" : "INTEGER",
                                          i == 0 ? " UNIQUE" : "");
        return r < 0 ? r : buffer_append_text(out, ") STRICT;");
}

int record_sql_columns(const struct record_type *type, struct buffer *out)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < type->count; i++)
                if (type->fields[i].column)
                        r = buffer_printf(out, "%s%s", i == 0 ? "" : ", ", type->fields[i].column);
        return r;
}

int record_sql_put(const struct record_type *type, struct buffer *out)
{
        int r = buffer_printf(out, "INSERT INTO %s (", type->table);

        if (r == 0)
                r = record_sql_columns(type, out);
        if (r == 0)
                r = buffer_append_text(out, ") VALUES (");
        for (size_t i = 0; r == 0 && i < type->count; i++)
                if (type->fields[i].column)
                        r = buffer_append_text(out, i == 0 ? "?" : ", ?");
        if (r == 0)
                r = buffer_printf(out, ") ON CONFLICT (%s) DO UPDATE SET ", type->fields[0].column);
        for (size_t i = 1; r == 0 && i < type->count; i++)
                if (type->fields[i].column)
                        r = buffer_printf(out, "%s%s = excluded.%s", i == 1 ? "" : ", ",
                                          type->fields[i].column, type->fields[i].column);
        return r;
}

static int64_t number_at(const void *record, const struct field *field)
{
        switch (field->type) {
        case FIELD_FLAG:
                return *(bool *)at(record, field);
        case FIELD_INT:
                return *(int *)at(record, field);
        default:
                return *(int64_t *)at(record, field);
        }
}

int record_bind(const struct record_type *type, const void *record, sqlite3_stmt *statement)
{
        int status = SQLITE_OK, column = 0;

        for (size_t i = 0; status == SQLITE_OK && i < type->count; i++) {
                const struct field *field = &type->fields[i];

                if (!field->column)
                        continue;
                column++;
                status = is_text(field)
                                 ? sqlite.sqlite3_bind_text(statement, column, text_at(record, field), -1,
                                                            SQLITE_STATIC)
                                 : sqlite.sqlite3_bind_int64(statement, column, number_at(record, field));
        }
        return status;
}

static int column_take(const struct field *field, sqlite3_stmt *statement, int column, void *place,
                       struct error *err)
{
        int64_t number = is_text(field) ? 0 : sqlite.sqlite3_column_int64(statement, column);

        switch (field->type) {
        case FIELD_TEXT:
                if (text_set(place, (const char *)sqlite.sqlite3_column_text(statement, column)) < 0)
                        return error_oom(err);
                break;
        case FIELD_FLAG:
                *(bool *)place = number != 0;
                break;
        case FIELD_INT:
                *(int *)place = (int)number;
                break;
        case FIELD_NUMBER:
        case FIELD_TIME:
                *(int64_t *)place = number;
        }
        return 0;
}

int record_read(const struct record_type *type, sqlite3_stmt *statement, void **out, struct error *err)
{
        void *record = NULL;
        int r = record_new(type, &record, err), column = 0;

        for (size_t i = 0; r == 0 && i < type->count; i++) {
                const struct field *field = &type->fields[i];

                if (field->column)
                        r = column_take(field, statement, column++, at(record, field), err);
        }
        if (r < 0)
                record_free(type, record);
        else
                *out = record;
        return r;
}
