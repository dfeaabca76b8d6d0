/* SPDX-License-Identifier: Apache-2.0 */
#include "net/access.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include "base/digest.h"
#include "base/file.h"
#include "base/secret_memory.h"

#define FILE_MAX (1 * MIB)

struct right {
        unsigned rights;
        char *pattern;
};

struct access_line {
        enum access_kind kind;
        struct sha256 secret; /* of a token: hashed, so that comparing it says nothing of its beginning */
        char *name;
        struct right *rights;
        size_t right_count;
};

struct access_table {
        atomic_uint users;
        struct access_line *lines;
        size_t count;
};

/* Where a line is read from. */
struct source {
        const struct access_format *format;
        const char *path;
        unsigned number;
};

/* --- lines ------------------------------------------------------------------------------------------------
 */

void access_table_free(struct access_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                for (size_t j = 0; j < table->lines[i].right_count; j++)
                        free(table->lines[i].rights[j].pattern);
                free(table->lines[i].rights);
                free(table->lines[i].name);
        }
        free(table->lines);
        free(table);
}

CLEANUP_DEFINE(struct access_table *, access_table_free);

/* "pull,push"; 0 when a word is none of the names. */
static unsigned parse_rights(const struct access_format *format, char *text)
{
        unsigned rights = 0;
        char *rest = text, *word;

        while ((word = strsep(&rest, ","))) {
                unsigned right = 0;

                for (size_t i = 0; format->rights[i]; i++)
                        if (strcmp(word, format->rights[i]) == 0)
                                right = 1u << i;
                if (!right)
                        return 0;
                rights |= right;
        }
        return rights;
}

static int add_right(struct access_line *line, unsigned rights, const char *pattern, struct error *err)
{
        struct right *grown = reallocarray(line->rights, line->right_count + 1, sizeof(*grown));

        if (!grown)
                return error_oom(err);
        line->rights = grown;
        grown[line->right_count] = (struct right){rights, strdup(pattern)};
        if (!grown[line->right_count].pattern)
                return error_oom(err);
        line->right_count++;
        return 0;
}

static char *next_word(char **rest)
{
        char *word;

        do
                word = strsep(rest, " \t\r");
        while (word && !*word);
        return word;
}

static int malformed(const struct source *source, const char *why, struct error *err)
{
        return error_set(err, source->format->error, -EINVAL, "`%s`, line %u: %s", source->path,
                         source->number, why);
}

static int malformed_right(const struct source *source, struct error *err)
{
        _cleanup_buffer_ struct buffer names = {0};

        for (size_t i = 0; source->format->rights[i]; i++)
                if (buffer_printf(&names, "%s%s", i ? ", " : "", source->format->rights[i]) < 0)
                        return error_oom(err);
        return error_set(err, source->format->error, -EINVAL,
                         "`%s`, line %u: after the name come rights (%s), each with a pattern", source->path,
                         source->number, buffer_text(&names));
}

static int parse_kind(const struct source *source, char **rest, enum access_kind *out, struct error *err)
{
        static const char *const names[] = {
                [ACCESS_TOKEN] = "token", [ACCESS_USER] = "user", [ACCESS_GROUP] = "group"};
        const char *word = source->format->has_kinds ? next_word(rest) : names[ACCESS_TOKEN];

        for (size_t i = 0; word && i < ARRAY_SIZE(names); i++) {
                if (strcmp(word, names[i]) != 0)
                        continue;
                *out = (enum access_kind)i;
                return 0;
        }
        return malformed(source, "a line begins with token, user or group", err);
}

/* Of a token, also takes the secret. */
static int parse_name(const struct source *source, char **rest, struct access_line *line, struct error *err)
{
        const char *secret = line->kind == ACCESS_TOKEN ? next_word(rest) : "", *name = next_word(rest);
        int ret = 0;

        if (!name)
                return malformed(source,
                                 line->kind == ACCESS_TOKEN ? "a name must follow the token"
                                                            : "a name is missing",
                                 err);
        if (line->kind == ACCESS_TOKEN)
                ret = sha256_of(SLICE_TEXT(secret), &line->secret, err);
        if (ret < 0)
                return ret;
        line->name = strdup(name);
        return line->name ? 0 : error_oom(err);
}

/* `line` is freed with the table, also when this fails. */
static int parse_line(const struct source *source, char *text, struct access_line *line, struct error *err)
{
        char *word;
        int ret = parse_kind(source, &text, &line->kind, err);

        if (ret == 0)
                ret = parse_name(source, &text, line, err);
        while (ret == 0 && (word = next_word(&text))) {
                unsigned rights = parse_rights(source->format, word);
                const char *pattern = next_word(&text);

                ret = rights && pattern ? add_right(line, rights, pattern, err)
                                        : malformed_right(source, err);
        }
        return ret;
}

static bool says_nothing(const char *text)
{
        text += strspn(text, " \t\r");
        return !*text || *text == '#';
}

static int add_line(struct access_table *table, const struct source *source, char *text, struct error *err)
{
        struct access_line *lines = reallocarray(table->lines, table->count + 1, sizeof(*lines));

        if (!lines)
                return error_oom(err);
        table->lines = lines;
        lines[table->count] = (struct access_line){0};
        return parse_line(source, text, &lines[table->count++], err);
}

int access_table_parse(struct slice text, const char *path, const struct access_format *format,
                       struct access_table **out, struct error *err)
{
        _cleanup_(access_table_freep) struct access_table *table = calloc(1, sizeof(*table));
        _cleanup_free_ char *copy = strndup((const char *)text.data ?: "", text.size);
        struct source source = {.format = format, .path = path};
        char *rest = copy, *line;
        size_t size;
        int ret = 0;

        if (!table || !copy)
                return error_oom(err);
        size = strlen(copy);
        table->users = 1;
        if (size < text.size)
                ret = error_set(err, format->error, -EINVAL, "`%s` has a NUL in it", path);
        while (ret == 0 && (line = strsep(&rest, "\n"))) {
                source.number++;
                if (!says_nothing(line))
                        ret = add_line(table, &source, line, err);
        }
        explicit_bzero(copy, size);
        if (ret == 0)
                *out = steal_ptr(table);
        return ret;
}

const struct access_line *access_table_find(const struct access_table *table, const char *secret)
{
        const struct access_line *found = NULL;
        struct sha256 hash;

        if (sha256_of(SLICE_TEXT(secret), &hash, NULL) < 0)
                return NULL;
        for (size_t i = 0; i < table->count; i++)
                if (table->lines[i].kind == ACCESS_TOKEN &&
                    secret_equal(hash.bytes, table->lines[i].secret.bytes, sizeof(hash.bytes)))
                        found = &table->lines[i];
        return found;
}

const struct access_line *access_table_next(const struct access_table *table, enum access_kind kind,
                                            const char *name, const struct access_line *after)
{
        for (size_t i = after ? (size_t)(after - table->lines) + 1 : 0; i < table->count; i++)
                if (table->lines[i].kind == kind && strcmp(table->lines[i].name, name) == 0)
                        return &table->lines[i];
        return NULL;
}

const char *access_line_name(const struct access_line *line)
{
        return line->name;
}

bool access_line_allows(const struct access_line *line, unsigned rights, const char *object)
{
        for (size_t i = 0; i < line->right_count; i++)
                if (line->rights[i].rights & rights &&
                    (!object || fnmatch(line->rights[i].pattern, object, FNM_NOESCAPE) == 0))
                        return true;
        return false;
}

/* --- the file ---------------------------------------------------------------------------------------------
 */

struct access_file {
        char *path;
        const struct access_format *format;
        pthread_mutex_t lock;
        struct access_table *table;
        struct stat stat; /* of the file when it was last read */
};

static int check_owner(const struct access_file *file, const struct stat *st, struct error *err)
{
        const struct error_kind *kind = file->format->error;

        if (!S_ISREG(st->st_mode))
                return error_set(err, kind, -EINVAL, "`%s` is not a file", file->path);
        if (st->st_mode & 077)
                return error_set(err, kind, -EPERM,
                                 "`%s` can be read by others than its owner (mode %04o): make it 0600",
                                 file->path, st->st_mode & 07777);
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return error_set(err, kind, -EPERM, "`%s` belongs to another user", file->path);
        return 0;
}

static int read_table(const struct access_file *file, struct access_table **out, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct stat st;
        int ret;

        if (stat(file->path, &st) < 0)
                return error_errno(err, errno, "open `%s`", file->path);
        ret = check_owner(file, &st, err);
        if (ret == 0)
                ret = file_read(AT_FDCWD, file->path, FILE_MAX, &text, err);
        if (ret == 0)
                ret = access_table_parse(buffer_slice(&text), file->path, file->format, out, err);
        if (text.data)
                explicit_bzero(text.data, text.size);
        return ret;
}

int access_file_open(const char *path, const struct access_format *format, struct access_file **out,
                     struct error *err)
{
        struct access_file *file = calloc(1, sizeof(*file));
        int ret;

        if (!file)
                return error_oom(err);
        pthread_mutex_init(&file->lock, NULL);
        file->format = format;
        file->path = strdup(path);
        ret = file->path ? 0 : error_oom(err);
        if (ret == 0) {
                (void)stat(path, &file->stat);
                ret = read_table(file, &file->table, err);
        }
        if (ret == 0)
                *out = file;
        else
                access_file_free(file);
        return ret;
}

void access_file_free(struct access_file *file)
{
        if (!file)
                return;
        if (file->table)
                access_file_put(file->table);
        pthread_mutex_destroy(&file->lock);
        free(file->path);
        free(file);
}

static bool has_changed(const struct access_file *file, const struct stat *now)
{
        const struct stat *then = &file->stat;

        return now->st_ino != then->st_ino || now->st_size != then->st_size ||
               now->st_mtim.tv_sec != then->st_mtim.tv_sec || now->st_mtim.tv_nsec != then->st_mtim.tv_nsec ||
               now->st_mode != then->st_mode;
}

static void reload(struct access_file *file)
{
        struct access_table *table;
        struct error err = {0};
        struct stat now;

        if (stat(file->path, &now) < 0 || !has_changed(file, &now))
                return;
        file->stat = now;
        if (read_table(file, &table, &err) == 0) {
                access_file_put(file->table);
                file->table = table;
        } else if (file->format->complain) {
                file->format->complain(&err);
        } else {
                error_print(&err, stderr);
        }
}

struct access_table *access_file_get(struct access_file *file)
{
        struct access_table *table;

        pthread_mutex_lock(&file->lock);
        reload(file);
        table = file->table;
        table->users++;
        pthread_mutex_unlock(&file->lock);
        return table;
}

void access_file_put(struct access_table *table)
{
        if (--table->users == 0)
                access_table_free(table);
}
