/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what in our registry: a file with one line for each token,
 *
 *   TOKEN NAME [ACTION[,ACTION]... PATTERN]...
 *
 * ACTION is pull, push or delete; PATTERN names repositories, `*` stands for any characters ("team/" with a
 * star: all below team, but not "team-x"). Empty lines and such that begin with # say nothing. A name may
 * have several tokens, with rights of their own.
 */
#ifndef SNAP_OCI_REGISTRY_SERVER_TOKENS_H
#define SNAP_OCI_REGISTRY_SERVER_TOKENS_H

#include "base/bytes.h"
#include "oci/errors.h"

enum registry_action { REGISTRY_PULL = 1, REGISTRY_PUSH = 2, REGISTRY_DELETE = 4 };

/* The lines of a file, never changed once they are read. */
struct token_table;
/* `path` names it in errors. -EINVAL (ERROR_STORE_TOKENS). A pure function. */
int token_table_parse(struct slice text, const char *path, struct token_table **out, struct error *err);
void token_table_free(struct token_table *table);

/* A line. */
struct token;
/* Looks at all of them, whichever is right, and takes the same time for each. NULL: none has that secret. */
const struct token *token_table_find(const struct token_table *table, const char *secret);
const char *token_name(const struct token *token);
bool token_allows(const struct token *token, enum registry_action action, const char *repository);

/* The file, read again when it has changed. Nobody but its owner, root or this user, may read it. */
struct registry_tokens;
int registry_tokens_open(const char *path, struct registry_tokens **out, struct error *err);
void registry_tokens_free(struct registry_tokens *tokens);
/* The table as it is now: the caller's until registry_tokens_put. A changed file that is wrong is told on
 * standard error, and the old lines stay. */
struct token_table *registry_tokens_get(struct registry_tokens *tokens);
void registry_tokens_put(struct token_table *table);

#endif
