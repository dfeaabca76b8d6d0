/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file: opened, its tables made, its statements prepared. Only for the files of this folder. */
#ifndef SNAP_CATALOG_DATABASE_H
#define SNAP_CATALOG_DATABASE_H

#include <pthread.h>
#include "catalog/catalog.h"
#include "catalog/types.h"

enum query {
        CHECKPOINT_PUT,
        CHECKPOINT_GET,
        CHECKPOINT_FIND_PATH,
        CHECKPOINT_REMOVE,
        CHECKPOINT_LIST,
        CHECKPOINT_COUNT,
        OPERATION_PUT,
        OPERATION_GET,
        OPERATION_LIST,
        OPERATION_LIST_UNFINISHED,
        OPERATION_TRIM,
        OFFER_PUT,
        OFFER_GET,
        OFFER_LIST,
        OFFER_REMOVE,
        QUERY_MAX_
};

struct catalog {
        pthread_mutex_t lock; /* over everything below */
        char *path;
        sqlite3 *database;
        sqlite3_stmt *statements[QUERY_MAX_];
};

/* What failed last in the database, as an error about `what`. */
int database_error(struct catalog *catalog, const char *what, struct error *err);
/* Runs a statement that gives no rows. Resets it. */
int database_run(struct catalog *catalog, sqlite3_stmt *statement, const char *what, struct error *err);
/* The first row as a record. -ENOENT without an error when there is none. Resets the statement. */
int database_get(struct catalog *catalog, sqlite3_stmt *statement, const struct record_type *type, void **out,
                 struct error *err);
/* All rows, as an array of records. Resets the statement. */
int database_list(struct catalog *catalog, sqlite3_stmt *statement, const struct record_type *type,
                  void ***items, size_t *count, struct error *err);

#endif
