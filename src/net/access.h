/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that say who may do what, with a line for each
 *
 *   [token] TOKEN NAME [RIGHT[,RIGHT]... PATTERN]...
 *   user NAME [RIGHT[,RIGHT]... PATTERN]...
 *   group NAME [RIGHT[,RIGHT]... PATTERN]...
 *
 * A token is known to who asks; users and groups are CN and O of a client certificate. PATTERN names objects,
 * `*` stands for any characters ("team/" with a star: all below team, but not "team-x"). Empty lines and such
 * that begin with # say nothing. A name may stand in several lines, each with rights of its own.
 */
#ifndef SNAP_NET_ACCESS_H
#define SNAP_NET_ACCESS_H

#include "base/bytes.h"
#include "base/error.h"

enum access_kind { ACCESS_TOKEN, ACCESS_USER, ACCESS_GROUP };

/* What an application's file looks like. */
struct access_format {
        const char *const *rights;      /* names, NULL-terminated: that of bit 0, of bit 1, … */
        bool has_kinds;                 /* lines begin with their kind; without, each is a token's */
        const struct error_kind *error; /* of a file that is wrong */
        /* Is told when a changed file is wrong; NULL: it is printed on standard error. */
        void (*complain)(const struct error *err);
};

/* The lines of a file, never changed once they are read. */
struct access_table;
/* `path` names it in errors. -EINVAL. A pure function. */
int access_table_parse(struct slice text, const char *path, const struct access_format *format,
                       struct access_table **out, struct error *err);
void access_table_free(struct access_table *table);

/* A line. */
struct access_line;
/* Looks at all of them, whichever is right, and takes the same time for each. NULL: none has that secret. */
const struct access_line *access_table_find(const struct access_table *table, const char *secret);
/* The first line of a user or group, and the next `after` that; NULL: no more. */
const struct access_line *access_table_next(const struct access_table *table, enum access_kind kind,
                                            const char *name, const struct access_line *after);
const char *access_line_name(const struct access_line *line);
/* Any of the rights in the mask, there? `object` NULL: anywhere. */
bool access_line_allows(const struct access_line *line, unsigned rights, const char *object);

/* The file, read again when it has changed. Nobody but its owner, root or this user, may read it. */
struct access_file;
/* `format` is borrowed. */
int access_file_open(const char *path, const struct access_format *format, struct access_file **out,
                     struct error *err);
void access_file_free(struct access_file *file);
/* The table as it is now: the caller's until access_file_put. Of a changed file that is wrong the old lines
 * stay. */
struct access_table *access_file_get(struct access_file *file);
void access_file_put(struct access_table *table);

#endif
