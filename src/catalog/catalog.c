/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/catalog.h"

#include <errno.h>
#include "catalog/database.h"

/* The statement, with the catalog locked until done(). */
static sqlite3_stmt *begin(struct catalog *catalog, enum query query)
{
        pthread_mutex_lock(&catalog->lock);
        return catalog->statements[query];
}

static int done(struct catalog *catalog, int r)
{
        pthread_mutex_unlock(&catalog->lock);
        return r;
}

/* NULL binds as NULL. */
static bool bind(sqlite3_stmt *statement, int column, const char *text)
{
        return sqlite.sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static bool bind_number(sqlite3_stmt *statement, int column, int64_t number)
{
        return sqlite.sqlite3_bind_int64(statement, column, number) == SQLITE_OK;
}

static int put(struct catalog *catalog, enum query query, const struct record_type *type, const void *record,
               const char *what, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, query);
        int r;

        if (record_bind(type, record, statement) == SQLITE_OK)
                r = database_run(catalog, statement, what, err);
        else
                r = database_error(catalog, what, err);
        return done(catalog, r);
}

static int get(struct catalog *catalog, enum query query, const struct record_type *type, const char *key,
               void **out, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, query);
        int r;

        if (bind(statement, 1, key))
                r = database_get(catalog, statement, type, out, err);
        else
                r = database_error(catalog, "look something up", err);
        return done(catalog, r);
}

int catalog_put_checkpoint(struct catalog *catalog, const struct checkpoint *checkpoint, struct error *err)
{
        return put(catalog, CHECKPOINT_PUT, &checkpoint_type, checkpoint, "record a checkpoint", err);
}

static int checkpoint_not_found(const char *id, struct error *err)
{
        return error_set(err, &ERROR_CHECKPOINT_NOT_FOUND, -ENOENT, "there is no checkpoint `%s`", id);
}

int catalog_get_checkpoint(struct catalog *catalog, const char *id, struct checkpoint **out,
                           struct error *err)
{
        int r = get(catalog, CHECKPOINT_GET, &checkpoint_type, id, (void **)out, err);

        return r == -ENOENT ? checkpoint_not_found(id, err) : r;
}

int catalog_find_path(struct catalog *catalog, const char *path, struct checkpoint **out, struct error *err)
{
        int r = get(catalog, CHECKPOINT_FIND_PATH, &checkpoint_type, path, (void **)out, err);

        return r == -ENOENT ? checkpoint_not_found(path, err) : r;
}

int catalog_remove_checkpoint(struct catalog *catalog, const char *id, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, CHECKPOINT_REMOVE);
        int r;

        if (bind(statement, 1, id))
                r = database_run(catalog, statement, "forget a checkpoint", err);
        else
                r = database_error(catalog, "forget a checkpoint", err);
        if (r == 0 && sqlite.sqlite3_changes(catalog->database) == 0)
                r = checkpoint_not_found(id, err);
        return done(catalog, r);
}

static int64_t limit_or_all(unsigned limit)
{
        return limit ? (int64_t)limit : -1;
}

int catalog_list_checkpoints(struct catalog *catalog, const struct checkpoint_filter *filter,
                             struct checkpoint_list *out, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, CHECKPOINT_LIST);
        int r;

        if (bind(statement, 1, filter->namespace) && bind(statement, 2, filter->pod) &&
            bind(statement, 3, filter->container) && bind(statement, 4, filter->pod_uid) &&
            bind(statement, 5, filter->group) && bind(statement, 6, filter->state) &&
            bind(statement, 7, filter->after) && bind_number(statement, 8, limit_or_all(filter->limit)))
                r = database_list(catalog, statement, &checkpoint_type, (void ***)&out->items, &out->count,
                                  err);
        else
                r = database_error(catalog, "list the checkpoints", err);
        return done(catalog, r);
}

int catalog_count_checkpoints(struct catalog *catalog, checkpoint_counter counter, void *context,
                              struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, CHECKPOINT_COUNT);
        int r = 0, status = SQLITE_ROW;

        while (r == 0 && (status = sqlite.sqlite3_step(statement)) == SQLITE_ROW)
                r = counter(context, (const char *)sqlite.sqlite3_column_text(statement, 0),
                            (const char *)sqlite.sqlite3_column_text(statement, 1),
                            (uint64_t)sqlite.sqlite3_column_int64(statement, 2),
                            (uint64_t)sqlite.sqlite3_column_int64(statement, 3));
        if (r == 0 && status != SQLITE_DONE)
                r = database_error(catalog, "count the checkpoints", err);
        sqlite.sqlite3_reset(statement);
        return done(catalog, r);
}

int catalog_put_operation(struct catalog *catalog, const struct operation *operation, struct error *err)
{
        return put(catalog, OPERATION_PUT, &operation_type, operation, "record an operation", err);
}

int catalog_get_operation(struct catalog *catalog, const char *id, struct operation **out, struct error *err)
{
        int r = get(catalog, OPERATION_GET, &operation_type, id, (void **)out, err);

        if (r == -ENOENT)
                r = error_set(err, &ERROR_OPERATION_NOT_FOUND, -ENOENT, "there is no operation `%s`", id);
        return r;
}

int catalog_list_operations(struct catalog *catalog, bool unfinished, unsigned limit,
                            struct operation_list *out, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, unfinished ? OPERATION_LIST_UNFINISHED : OPERATION_LIST);
        int r;

        if (bind_number(statement, 1, limit_or_all(limit)) &&
            (!unfinished || bind_number(statement, 2, PHASE_DONE)))
                r = database_list(catalog, statement, &operation_type, (void ***)&out->items, &out->count,
                                  err);
        else
                r = database_error(catalog, "list the operations", err);
        return done(catalog, r);
}

int catalog_trim_operations(struct catalog *catalog, unsigned keep, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, OPERATION_TRIM);
        int r;

        if (bind_number(statement, 1, PHASE_DONE) && bind_number(statement, 2, keep))
                r = database_run(catalog, statement, "forget old operations", err);
        else
                r = database_error(catalog, "forget old operations", err);
        return done(catalog, r);
}

int catalog_put_offer(struct catalog *catalog, const struct offer *offer, struct error *err)
{
        return put(catalog, OFFER_PUT, &offer_type, offer, "record an offer", err);
}

int catalog_get_offer(struct catalog *catalog, const char *id, struct offer **out, struct error *err)
{
        return get(catalog, OFFER_GET, &offer_type, id, (void **)out, err);
}

int catalog_list_offers(struct catalog *catalog, unsigned limit, struct offer_list *out, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, OFFER_LIST);
        int r;

        if (bind_number(statement, 1, limit_or_all(limit)))
                r = database_list(catalog, statement, &offer_type, (void ***)&out->items, &out->count, err);
        else
                r = database_error(catalog, "list the offers", err);
        return done(catalog, r);
}

int catalog_remove_offer(struct catalog *catalog, const char *id, struct error *err)
{
        sqlite3_stmt *statement = begin(catalog, OFFER_REMOVE);
        int r;

        if (bind(statement, 1, id))
                r = database_run(catalog, statement, "forget an offer", err);
        else
                r = database_error(catalog, "forget an offer", err);
        return done(catalog, r);
}
