/* SPDX-License-Identifier: Apache-2.0 */
/* Between registry_auth.c and registry_token.c. */
#ifndef SNAP_OCI_REGISTRY_AUTH_H
#define SNAP_OCI_REGISTRY_AUTH_H

#include "oci/credentials.h"
#include "oci/registry_private.h"

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct token {
        char *scope;         /* what our requests need */
        char *wanted;        /* what the registry said that they need; NULL: the same */
        char *value;         /* NULL: to be fetched */
        uint64_t expires_us; /* of the monotonic clock */
};

struct registry_auth {
        pthread_mutex_t lock;
        enum auth_scheme scheme;
        char *realm, *service; /* of tokens; `service` may be NULL */
        bool has_looked;       /* for credentials */
        struct credentials credentials;
        struct token *tokens; /* one a scope */
        size_t token_count;
};

/* Asks the token server, with the lock held. */
int token_fetch(struct registry *registry, struct token *token, struct error *err);

#endif
