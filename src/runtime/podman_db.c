/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/podman_db.h"

#include <errno.h>
#include "base/sqlite.h"

#define BUSY_TIMEOUT_MS 10000 /* Podman holds its lock for some milliseconds */

static int database_error(struct error *err, sqlite3 *database, const char *path)
{
        return error_set(err, &ERROR_TOOL_FAILED, -EIO, "cannot read Podman's database %s: %s", path,
                         sqlite.sqlite3_errmsg(database));
}

static int column_append(sqlite3_stmt *statement, int column, struct buffer *out, struct error *err)
{
        const void *data = sqlite.sqlite3_column_blob(statement, column);
        int size = sqlite.sqlite3_column_bytes(statement, column);

        if (!data || size <= 0)
                return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "Podman's record of the container is empty");
        return buffer_append(out, data, (size_t)size) < 0 ? error_oom(err) : 0;
}

/* db.sql lies in the graph root, or in its directory libpod when the static directory was left alone. */
static int database_path(const char *graph_root, char **out, struct error *err)
{
        static const char *const names[] = {"db.sql", "libpod/db.sql"};
        _cleanup_free_ char *bolt = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s", graph_root, names[i]) < 0) {
                        path = NULL;
                        return error_oom(err);
                }
                if (access(path, F_OK) == 0) {
                        *out = steal_ptr(path);
                        return 0;
                }
        }
        if (asprintf(&bolt, "%s/libpod/bolt_state.db", graph_root) < 0) {
                bolt = NULL;
                return error_oom(err);
        }
        (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP, "Podman's database was not found in %s%s",
                        graph_root, access(bolt, F_OK) == 0 ? ": it is an old one (BoltDB)" : "");
        error_set_hint(
                err,
                "Podman 4.8 or newer with its SQLite database is needed: database_backend = \"sqlite\" in "
                "containers.conf, or \"podman system migrate\" where it offers that.");
        return -ENOTSUP;
}

int podman_db_read(const char *graph_root, const char *id, struct buffer *config, struct buffer *state,
                   struct error *err)
{
        static const char query[] =
                "SELECT c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s ON c.ID = s.ID "
                "WHERE c.ID = ?";
        _cleanup_sqlite_ sqlite3 *database = NULL;
        _cleanup_statement_ sqlite3_stmt *statement = NULL;
        _cleanup_free_ char *path = NULL;
        int ret = sqlite_load(err);

        if (ret == 0)
                ret = database_path(graph_root, &path, err);
        if (ret < 0)
                return ret;
        if (sqlite.sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
            sqlite.sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS) != SQLITE_OK ||
            sqlite.sqlite3_prepare_v3(database, query, -1, 0, &statement, NULL) != SQLITE_OK ||
            sqlite.sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC) != SQLITE_OK)
                return database_error(err, database, path);
        ret = sqlite.sqlite3_step(statement);
        if (ret == SQLITE_DONE)
                return error_set(err, &ERROR_NOT_FOUND, -ENOENT, "Podman's database %s has no container %s",
                                 path, id);
        if (ret != SQLITE_ROW)
                return database_error(err, database, path);
        ret = column_append(statement, 0, config, err);
        return ret < 0 ? ret : column_append(statement, 1, state, err);
}
