/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_server_tokens.h"

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
        unsigned actions;
        char *pattern;
};

struct token {
        struct sha256 secret; /* hashed, so that comparing it says nothing of its length or beginning */
        char *name;
        struct right *rights;
        size_t right_count;
};

struct token_table {
        atomic_uint users;
        struct token *tokens;
        size_t count;
};

/* --- lines
 * -------------------------------------------------------------------------------------------------- */

void token_table_free(struct token_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                for (size_t j = 0; j < table->tokens[i].right_count; j++)
                        free(table->tokens[i].rights[j].pattern);
                free(table->tokens[i].rights);
                free(table->tokens[i].name);
        }
        free(table->tokens);
        free(table);
}

CLEANUP_DEFINE(struct token_table *, token_table_free);

/* "pull,push"; 0 when a word is none of the actions. */
static unsigned parse_actions(char *text)
{
        static const char *const names[] = {"pull", "push", "delete"};
        unsigned actions = 0;
        char *rest = text, *word;

        while ((word = strsep(&rest, ","))) {
                unsigned action = 0;

                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        if (strcmp(word, names[i]) == 0)
                                action = 1u << i;
                if (!action)
                        return 0;
                actions |= action;
        }
        return actions;
}

static int add_right(struct token *token, unsigned actions, const char *pattern, struct error *err)
{
        struct right *rights = reallocarray(token->rights, token->right_count + 1, sizeof(*rights));

        if (!rights)
                return error_oom(err);
        token->rights = rights;
        rights[token->right_count] = (struct right){actions, strdup(pattern)};
        if (!rights[token->right_count].pattern)
                return error_oom(err);
        token->right_count++;
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

static int malformed(const char *path, unsigned line, const char *why, struct error *err)
{
        return error_set(err, &ERROR_STORE_TOKENS, -EINVAL, "`%s`, line %u: %s", path, line, why);
}

/* `token` is freed with the table, also when this fails. */
static int parse_line(struct token *token, char *line, const char *path, unsigned number, struct error *err)
{
        char *secret = next_word(&line), *name = next_word(&line), *word;
        int ret;

        if (!name)
                return malformed(path, number, "a name must follow the token", err);
        ret = sha256_of(SLICE_TEXT(secret), &token->secret, err);
        if (ret < 0)
                return ret;
        token->name = strdup(name);
        if (!token->name)
                return error_oom(err);
        while ((word = next_word(&line))) {
                unsigned actions = parse_actions(word);
                const char *pattern = next_word(&line);

                if (!actions || !pattern)
                        return malformed(path, number,
                                         "after the name come pull, push or delete, each with a pattern",
                                         err);
                ret = add_right(token, actions, pattern, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

static bool says_nothing(const char *line)
{
        line += strspn(line, " \t\r");
        return !*line || *line == '#';
}

int token_table_parse(struct slice text, const char *path, struct token_table **out, struct error *err)
{
        _cleanup_(token_table_freep) struct token_table *table = calloc(1, sizeof(*table));
        _cleanup_free_ char *copy = strndup((const char *)text.data ?: "", text.size);
        char *rest = copy, *line;
        unsigned number = 0;
        size_t size;
        int ret = 0;

        if (!table || !copy)
                return error_oom(err);
        size = strlen(copy);
        table->users = 1;
        if (size < text.size)
                ret = error_set(err, &ERROR_STORE_TOKENS, -EINVAL, "`%s` has a NUL in it", path);
        while (ret == 0 && (line = strsep(&rest, "\n"))) {
                struct token *tokens;

                number++;
                if (says_nothing(line))
                        continue;
                tokens = reallocarray(table->tokens, table->count + 1, sizeof(*tokens));
                if (!tokens) {
                        ret = error_oom(err);
                        break;
                }
                table->tokens = tokens;
                tokens[table->count] = (struct token){0};
                ret = parse_line(&tokens[table->count++], line, path, number, err);
        }
        explicit_bzero(copy, size);
        if (ret == 0)
                *out = steal_ptr(table);
        return ret;
}

const struct token *token_table_find(const struct token_table *table, const char *secret)
{
        const struct token *found = NULL;
        struct sha256 hash;

        if (sha256_of(SLICE_TEXT(secret), &hash, NULL) < 0)
                return NULL;
        for (size_t i = 0; i < table->count; i++)
                if (secret_equal(hash.bytes, table->tokens[i].secret.bytes, sizeof(hash.bytes)))
                        found = &table->tokens[i];
        return found;
}

const char *token_name(const struct token *token)
{
        return token->name;
}

bool token_allows(const struct token *token, enum registry_action action, const char *repository)
{
        for (size_t i = 0; i < token->right_count; i++)
                if (token->rights[i].actions & action &&
                    fnmatch(token->rights[i].pattern, repository, FNM_NOESCAPE) == 0)
                        return true;
        return false;
}

/* --- the file
 * ------------------------------------------------------------------------------------------------ */

struct registry_tokens {
        char *path;
        pthread_mutex_t lock;
        struct token_table *table;
        struct stat stat; /* of the file when it was last read */
};

static int check_owner(const char *path, const struct stat *st, struct error *err)
{
        if (!S_ISREG(st->st_mode))
                return error_set(err, &ERROR_STORE_TOKENS, -EINVAL, "`%s` is not a file", path);
        if (st->st_mode & 077)
                return error_set(err, &ERROR_STORE_TOKENS, -EPERM,
                                 "`%s` can be read by others than its owner (mode %04o): make it 0600", path,
                                 st->st_mode & 07777);
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return error_set(err, &ERROR_STORE_TOKENS, -EPERM, "`%s` belongs to another user", path);
        return 0;
}

static int read_table(const char *path, struct token_table **out, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct stat st;
        int ret;

        if (stat(path, &st) < 0)
                return error_errno(err, errno, "open `%s`", path);
        ret = check_owner(path, &st, err);
        if (ret == 0)
                ret = file_read(AT_FDCWD, path, FILE_MAX, &text, err);
        if (ret == 0)
                ret = token_table_parse(buffer_slice(&text), path, out, err);
        if (text.data)
                explicit_bzero(text.data, text.size);
        return ret;
}

int registry_tokens_open(const char *path, struct registry_tokens **out, struct error *err)
{
        _cleanup_free_ struct registry_tokens *tokens = calloc(1, sizeof(*tokens));
        _cleanup_free_ char *copy = strdup(path);
        int ret;

        if (!tokens || !copy)
                return error_oom(err);
        (void)stat(path, &tokens->stat);
        ret = read_table(path, &tokens->table, err);
        if (ret < 0)
                return ret;
        pthread_mutex_init(&tokens->lock, NULL);
        tokens->path = steal_ptr(copy);
        *out = steal_ptr(tokens);
        return 0;
}

void registry_tokens_free(struct registry_tokens *tokens)
{
        if (!tokens)
                return;
        registry_tokens_put(tokens->table);
        pthread_mutex_destroy(&tokens->lock);
        free(tokens->path);
        free(tokens);
}

static bool has_changed(const struct registry_tokens *tokens, const struct stat *now)
{
        const struct stat *then = &tokens->stat;

        return now->st_ino != then->st_ino || now->st_size != then->st_size ||
               now->st_mtim.tv_sec != then->st_mtim.tv_sec || now->st_mtim.tv_nsec != then->st_mtim.tv_nsec ||
               now->st_mode != then->st_mode;
}

static void reload(struct registry_tokens *tokens)
{
        struct token_table *table;
        struct error err = {0};
        struct stat now;

        if (stat(tokens->path, &now) < 0 || !has_changed(tokens, &now))
                return;
        tokens->stat = now;
        if (read_table(tokens->path, &table, &err) < 0) {
                error_print(&err, stderr);
                return;
        }
        registry_tokens_put(tokens->table);
        tokens->table = table;
}

struct token_table *registry_tokens_get(struct registry_tokens *tokens)
{
        struct token_table *table;

        pthread_mutex_lock(&tokens->lock);
        reload(tokens);
        table = tokens->table;
        table->users++;
        pthread_mutex_unlock(&tokens->lock);
        return table;
}

void registry_tokens_put(struct token_table *table)
{
        if (--table->users == 0)
                token_table_free(table);
}
