/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/database.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"

#define SCHEMA_VERSION  2
#define BUSY_TIMEOUT_MS 10000
/* The cache is small: an idle agent has little memory, and the system caches the file as well. The log is
 * moved into the file after 256 pages, so that it stays below 2 MiB. What is forgotten, tickets among it, is
 * overwritten in the file. */
#define PRAGMAS                                                                                              \
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;"                          \
        "PRAGMA wal_autocheckpoint=256; PRAGMA journal_size_limit=1048576;"                                  \
        "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON;"

int database_error(struct catalog *catalog, const char *what, struct error *err)
{
        int code = sqlite.sqlite3_extended_errcode(catalog->database);
        int errnum = sqlite.sqlite3_system_errno(catalog->database);
        const char *text = sqlite.sqlite3_errmsg(catalog->database);

        if ((code & 0xff) == SQLITE_NOMEM)
                return error_oom(err);
        if ((code & 0xff) == SQLITE_FULL ||
            ((code & 0xff) == SQLITE_IOERR && (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)))
                return error_set(err, &ERROR_NO_SPACE, -ENOSPC, "%s in `%s`: %s", what, catalog->path, text);
        if ((code & 0xff) == SQLITE_BUSY)
                return error_set(err, &ERROR_BUSY, -EBUSY, "%s in `%s`: %s", what, catalog->path, text);
        return error_set(err, &ERROR_CATALOG, -EIO, "%s in `%s`: %s", what, catalog->path, text);
}

int database_run(struct catalog *catalog, sqlite3_stmt *statement, const char *what, struct error *err)
{
        int r = 0;

        if (sqlite.sqlite3_step(statement) != SQLITE_DONE)
                r = database_error(catalog, what, err);
        sqlite.sqlite3_reset(statement);
        return r;
}

int database_get(struct catalog *catalog, sqlite3_stmt *statement, const struct record_type *type, void **out,
                 struct error *err)
{
        int status = sqlite.sqlite3_step(statement), r;

        if (status == SQLITE_ROW)
                r = record_read(type, statement, out, err);
        else
                r = status == SQLITE_DONE ? -ENOENT : database_error(catalog, "look something up", err);
        sqlite.sqlite3_reset(statement);
        return r;
}

int database_list(struct catalog *catalog, sqlite3_stmt *statement, const struct record_type *type,
                  void ***items, size_t *count, struct error *err)
{
        size_t room = 0;
        int r = 0, status;

        *items = NULL;
        *count = 0;
        while (r == 0 && (status = sqlite.sqlite3_step(statement)) != SQLITE_DONE) {
                if (status != SQLITE_ROW) {
                        r = database_error(catalog, "list something", err);
                        break;
                }
                if (*count == room) {
                        void **grown = reallocarray(*items, room ? room * 2 : 16, sizeof(*grown));

                        if (!grown) {
                                r = error_oom(err);
                                break;
                        }
                        *items = grown;
                        room = room ? room * 2 : 16;
                }
                r = record_read(type, statement, &(*items)[*count], err);
                *count += r == 0;
        }
        sqlite.sqlite3_reset(statement);
        for (size_t i = 0; r < 0 && i < *count; i++)
                record_free(type, (*items)[i]);
        if (r < 0) {
                free(*items);
                *items = NULL;
                *count = 0;
        }
        return r;
}

static int execute(struct catalog *catalog, const char *sql, const char *what, struct error *err)
{
        return sqlite.sqlite3_exec(catalog->database, sql, NULL, NULL, NULL) == SQLITE_OK
                       ? 0
                       : database_error(catalog, what, err);
}

/* The single value of a pragma, as text. */
static int pragma(struct catalog *catalog, const char *sql, struct buffer *out, struct error *err)
{
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        const char *text;

        if (sqlite.sqlite3_prepare_v3(catalog->database, sql, -1, 0, &statement, NULL) != SQLITE_OK ||
            sqlite.sqlite3_step(statement) != SQLITE_ROW)
                return database_error(catalog, sql, err);
        text = (const char *)sqlite.sqlite3_column_text(statement, 0);
        return buffer_append_text(out, text ? text : "") < 0 ? error_oom(err) : 0;
}

static int check_whole(struct catalog *catalog, struct error *err)
{
        _cleanup_buffer_ struct buffer result = {0};
        int r = pragma(catalog, "PRAGMA quick_check(1)", &result, err);

        if (r == 0 && strcmp(buffer_text(&result), "ok") != 0)
                r = error_set(err, &ERROR_CATALOG, -EIO, "`%s` is damaged: %s", catalog->path,
                              buffer_text(&result));
        return r;
}

static int make_tables(struct catalog *catalog, struct error *err)
{
        _cleanup_buffer_ struct buffer sql = {0};
        int r = buffer_append_text(&sql, "BEGIN IMMEDIATE;");

        if (r == 0)
                r = record_sql_create(&checkpoint_type, &sql);
        if (r == 0)
                r = record_sql_create(&operation_type, &sql);
        if (r == 0)
                r = record_sql_create(&offer_type, &sql);
        if (r == 0)
                r = buffer_printf(&sql,
                                  "CREATE INDEX checkpoints_path ON checkpoints (path);"
                                  "CREATE INDEX operations_phase ON operations (phase);"
                                  "PRAGMA user_version=%d; COMMIT;",
                                  SCHEMA_VERSION);
        return r < 0 ? error_oom(err) : execute(catalog, buffer_text(&sql), "make the tables", err);
}

/* Version 1 had no offers. */
static int add_offers(struct catalog *catalog, struct error *err)
{
        _cleanup_buffer_ struct buffer sql = {0};

        if (buffer_append_text(&sql, "BEGIN IMMEDIATE;") < 0 || record_sql_create(&offer_type, &sql) < 0 ||
            buffer_printf(&sql, "PRAGMA user_version=%d; COMMIT;", SCHEMA_VERSION) < 0)
                return error_oom(err);
        return execute(catalog, buffer_text(&sql), "add a table", err);
}

static int check_version(struct catalog *catalog, struct error *err)
{
        _cleanup_buffer_ struct buffer version = {0};
        int r = pragma(catalog, "PRAGMA user_version", &version, err);

        if (r < 0)
                return r;
        if (strcmp(buffer_text(&version), "0") == 0)
                return make_tables(catalog, err);
        if (atoi(buffer_text(&version)) > SCHEMA_VERSION)
                return error_set(err, &ERROR_CATALOG_VERSION, -EPROTO,
                                 "`%s` has version %s, and this program knows %d", catalog->path,
                                 buffer_text(&version), SCHEMA_VERSION);
        r = check_whole(catalog, err);
        return r == 0 && strcmp(buffer_text(&version), "1") == 0 ? add_offers(catalog, err) : r;
}

static int query_select(const struct record_type *type, const char *rest, struct buffer *sql)
{
        int r = buffer_append_text(sql, "SELECT ");

        if (r == 0)
                r = record_sql_columns(type, sql);
        return r < 0 ? r : buffer_printf(sql, " FROM %s %s", type->table, rest);
}

#define FILTER(column, number) "(?" #number " IS NULL OR " column " = ?" #number ") AND "

static int query_text(enum query query, struct buffer *sql)
{
        switch (query) {
        case CHECKPOINT_PUT:
                return record_sql_put(&checkpoint_type, sql);
        case CHECKPOINT_GET:
                return query_select(&checkpoint_type, "WHERE id = ?", sql);
        case CHECKPOINT_FIND_PATH:
                return query_select(&checkpoint_type, "WHERE path = ?", sql);
        case CHECKPOINT_REMOVE:
                return buffer_append_text(sql, "DELETE FROM checkpoints WHERE id = ?");
        case CHECKPOINT_LIST:
                return query_select(&checkpoint_type,
                                    "WHERE " FILTER("namespace", 1) FILTER("pod", 2) FILTER(
                                            "container", 3) FILTER("pod_uid", 4) FILTER("part_of", 5)
                                            FILTER("state", 6) "(?7 IS NULL OR id > ?7) ORDER BY id LIMIT ?8",
                                    sql);
        case CHECKPOINT_COUNT:
                return buffer_append_text(sql,
                                          "SELECT namespace, state, COUNT(*), SUM(size) FROM checkpoints "
                                          "GROUP BY namespace, state ORDER BY COUNT(*) DESC");
        case OPERATION_PUT:
                return record_sql_put(&operation_type, sql);
        case OPERATION_GET:
                return query_select(&operation_type, "WHERE id = ?", sql);
        case OPERATION_LIST:
                return query_select(&operation_type, "ORDER BY seq DESC LIMIT ?", sql);
        case OPERATION_LIST_UNFINISHED:
                return query_select(&operation_type, "WHERE phase < ?2 ORDER BY seq LIMIT ?1", sql);
        case OPERATION_TRIM:
                return buffer_append_text(
                        sql, "DELETE FROM operations WHERE phase >= ?1 AND seq <= (SELECT seq FROM "
                             "operations WHERE phase >= ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)");
        case OFFER_PUT:
                return record_sql_put(&offer_type, sql);
        case OFFER_GET:
                return query_select(&offer_type, "WHERE id = ?", sql);
        case OFFER_LIST:
                return query_select(&offer_type, "ORDER BY ends_ns LIMIT ?", sql);
        case OFFER_REMOVE:
                return buffer_append_text(sql, "DELETE FROM offers WHERE id = ?");
        default:
                return 0;
        }
}

static int prepare(struct catalog *catalog, struct error *err)
{
        for (enum query i = 0; i < QUERY_MAX_; i++) {
                _cleanup_buffer_ struct buffer sql = {0};

                if (query_text(i, &sql) < 0)
                        return error_oom(err);
                if (sqlite.sqlite3_prepare_v3(catalog->database, buffer_text(&sql), -1,
                                              SQLITE_PREPARE_PERSISTENT, &catalog->statements[i],
                                              NULL) != SQLITE_OK)
                        return database_error(catalog, "prepare a query", err);
        }
        return 0;
}

/* SQLite would make the file with the rights that the umask leaves. */
static int make_file(const char *path, struct error *err)
{
        _cleanup_free_ char *directory = strdup(path);
        _cleanup_close_ int fd = -1;
        char *slash = directory ? strrchr(directory, '/') : NULL;
        int r = 0;

        if (!directory)
                return error_oom(err);
        if (slash && slash != directory) {
                *slash = '\0';
                r = file_mkdir_all(directory, 0700, err);
        }
        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        return fd < 0 ? error_errno(err, errno, "open the catalog `%s`", path) : 0;
}

int catalog_open(const char *path, struct catalog **out, struct error *err)
{
        _cleanup_catalog_ struct catalog *catalog = calloc(1, sizeof(*catalog));
        int r = catalog ? sqlite_load(err) : error_oom(err);

        if (r < 0)
                return r;
        pthread_mutex_init(&catalog->lock, NULL);
        catalog->path = strdup(path);
        if (!catalog->path)
                return error_oom(err);
        r = make_file(path, err);
        if (r < 0)
                return r;
        /* One connection under our own lock. */
        if (sqlite.sqlite3_open_v2(path, &catalog->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK ||
            sqlite.sqlite3_busy_timeout(catalog->database, BUSY_TIMEOUT_MS) != SQLITE_OK)
                return database_error(catalog, "open the catalog", err);
        r = execute(catalog, PRAGMAS, "set the catalog up", err);
        if (r == 0)
                r = check_version(catalog, err);
        if (r == 0)
                r = prepare(catalog, err);
        if (r == 0)
                *out = steal_ptr(catalog);
        return r;
}

void catalog_free(struct catalog *catalog)
{
        for (enum query i = 0; i < QUERY_MAX_; i++)
                if (catalog->statements[i])
                        sqlite.sqlite3_finalize(catalog->statements[i]);
        if (catalog->database)
                sqlite.sqlite3_close(catalog->database);
        pthread_mutex_destroy(&catalog->lock);
        free(catalog->path);
        free(catalog);
}
