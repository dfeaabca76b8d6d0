/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/clock.h"
#include "net/headers.h"
#include "oci/registry_auth.h"

/* --- state --------------------------------------------------------------------------------------------- */

int registry_auth_new(struct registry_auth **out, struct error *err)
{
        *out = calloc(1, sizeof(**out));
        if (!*out)
                return error_oom(err);
        pthread_mutex_init(&(*out)->lock, NULL);
        return 0;
}

void registry_auth_free(struct registry_auth *auth)
{
        if (!auth)
                return;
        for (size_t i = 0; i < auth->token_count; i++) {
                free(auth->tokens[i].scope);
                free(auth->tokens[i].wanted);
                secret_free(auth->tokens[i].value);
        }
        free(auth->tokens);
        free(auth->realm);
        free(auth->service);
        credentials_free(&auth->credentials);
        pthread_mutex_destroy(&auth->lock);
        free(auth);
}

const char *registry_auth_places(const struct registry_auth *auth, bool *has_credentials)
{
        *has_credentials = auth->credentials.user || auth->credentials.identity_token;
        return auth->credentials.places;
}

/* Once, when they are first needed. */
static int credentials_look(struct registry *registry, struct error *err)
{
        struct registry_auth *auth = registry->auth;
        int ret;

        if (auth->has_looked)
                return 0;
        ret = credentials_find(registry->access->auth_file, registry->host, registry->repository,
                               &auth->credentials, err);
        auth->has_looked = ret == 0;
        return ret;
}

/* --- what a request carries ---------------------------------------------------------------------------- */

static int basic_header(const struct registry_auth *auth, char **out, struct error *err)
{
        struct buffer header = {0};

        if (!auth->credentials.user)
                return 0;
        if (buffer_append_text(&header, "Authorization: Basic ") < 0 ||
            credentials_append_basic(&auth->credentials, &header) < 0 || buffer_append(&header, "", 1) < 0) {
                secret_buffer_free(&header);
                return error_oom(err);
        }
        *out = (char *)header.data;
        return 0;
}

static struct token *token_find(struct registry_auth *auth, const char *scope, struct error *err)
{
        struct token *more;

        for (size_t i = 0; i < auth->token_count; i++)
                if (strcmp(auth->tokens[i].scope, scope) == 0)
                        return &auth->tokens[i];
        more = reallocarray(auth->tokens, auth->token_count + 1, sizeof(*more));
        if (more)
                auth->tokens = more;
        if (!more || !(more[auth->token_count] = (struct token){.scope = strdup(scope)}).scope) {
                error_oom(err);
                return NULL;
        }
        return &auth->tokens[auth->token_count++];
}

static int bearer_header(struct registry *registry, const char *scope, char **out, struct error *err)
{
        struct token *token = token_find(registry->auth, scope, err);
        int ret = 0;

        if (!token)
                return -ENOMEM;
        if (!token->value || clock_monotonic_us() >= token->expires_us)
                ret = token_fetch(registry, token, err);
        if (ret == 0 && asprintf(out, "Authorization: Bearer %s", token->value) < 0) {
                *out = NULL;
                ret = error_oom(err);
        }
        return ret;
}

int registry_auth_header(struct registry *registry, const char *scope, char **out, struct error *err)
{
        struct registry_auth *auth = registry->auth;
        int ret = 0;

        *out = NULL;
        pthread_mutex_lock(&auth->lock);
        if (auth->scheme != AUTH_NONE)
                ret = credentials_look(registry, err);
        if (ret == 0 && auth->scheme == AUTH_BASIC)
                ret = basic_header(auth, out, err);
        if (ret == 0 && auth->scheme == AUTH_BEARER)
                ret = bearer_header(registry, scope, out, err);
        pthread_mutex_unlock(&auth->lock);
        return ret;
}

/* --- what a refusal says ------------------------------------------------------------------------------- */

static int text_replace(char **text, const char *by, struct error *err)
{
        char *copy = by ? strdup(by) : NULL;

        if (by && !copy)
                return error_oom(err);
        free(*text);
        *text = copy;
        return 0;
}

/* Takes over what we can answer to; tokens rather than passwords. `scope` is what the registry wants. */
static int challenge_learn(struct registry_auth *auth, const struct http_challenge *challenge, char **scope,
                           struct error *err)
{
        const char *realm = http_challenge_parameter(challenge, "realm");
        int ret;

        if (strcasecmp(challenge->scheme, "Basic") == 0) {
                if (auth->scheme == AUTH_NONE)
                        auth->scheme = AUTH_BASIC;
                return 0;
        }
        if (strcasecmp(challenge->scheme, "Bearer") != 0 || !realm)
                return 0;
        auth->scheme = AUTH_BEARER;
        ret = text_replace(&auth->realm, realm, err);
        if (ret == 0)
                ret = text_replace(&auth->service, http_challenge_parameter(challenge, "service"), err);
        if (ret == 0)
                ret = text_replace(scope, http_challenge_parameter(challenge, "scope"), err);
        return ret;
}

static int challenges_learn(const struct registry *registry, const struct http_response *response,
                            char **scope, struct error *err)
{
        const char *field = http_response_header(response, "WWW-Authenticate");

        for (; field; field = http_response_next_header(response, "WWW-Authenticate", field)) {
                _cleanup_http_challenge_ struct http_challenge challenge = {0};
                const char *rest = field;
                int ret = 0;

                while (ret == 0 && (ret = http_challenge_next(&rest, &challenge)) > 0) {
                        ret = challenge_learn(registry->auth, &challenge, scope, err);
                        http_challenge_free(&challenge);
                }
                if (ret == -EBADMSG)
                        return error_set(err, &ERROR_REGISTRY_ANSWER, ret,
                                         "`%s` asks for credentials in a way that cannot be understood",
                                         registry->name);
                if (ret < 0)
                        return ret == -ENOMEM ? error_oom(err) : ret;
        }
        return 0;
}

/* The next request for the scope fetches a new token, with what the registry wants in it. */
static int token_forget(struct registry_auth *auth, const char *scope, const char *used, char *wanted,
                        struct error *err)
{
        struct token *token = token_find(auth, scope, err);

        if (!token)
                return -ENOMEM;
        /* Another thread may have renewed it meanwhile. */
        if (used && token->value && text_ends_with(used, token->value)) {
                secret_free(token->value);
                token->value = NULL;
        }
        return wanted ? text_replace(&token->wanted, wanted, err) : 0;
}

int registry_auth_refused(struct registry *registry, const char *scope, const char *used,
                          const struct http_response *response, bool *again, struct error *err)
{
        struct registry_auth *auth = registry->auth;
        _cleanup_free_ char *wanted = NULL;
        int ret;

        pthread_mutex_lock(&auth->lock);
        ret = challenges_learn(registry, response, &wanted, err);
        if (ret == 0 && auth->scheme == AUTH_BEARER && scope)
                ret = token_forget(auth, scope, used, wanted, err);
        if (ret == 0 && auth->scheme != AUTH_NONE)
                ret = credentials_look(registry, err);
        *again = auth->scheme == AUTH_BEARER ||
                 (auth->scheme == AUTH_BASIC && auth->credentials.user && !used);
        pthread_mutex_unlock(&auth->lock);
        return ret;
}
