/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a registry's token server ("Docker Registry v2 authentication via central service"). */
#include <errno.h>
#include "base/clock.h"
#include "base/json.h"
#include "net/url.h"
#include "oci/registry_auth.h"

#define ANSWER_LIMIT    (64 * KIB)
#define SECONDS_DEFAULT 60 /* where the server does not say for how long */
#define SECONDS_MAX     (24 * 3600)
#define CLIENT_ID       "checkpointctl"

int registry_token_parse(struct slice text, char **token, uint64_t *seconds, struct error *err)
{
        yyjson_doc *doc = NULL;
        const char *value;
        int ret = json_parse(text, "answer of the token server", &doc, NULL);

        *token = NULL;
        if (ret < 0)
                return error_set(err, &ERROR_REGISTRY_ANSWER, -EBADMSG,
                                 "the token server did not answer with JSON");
        value = json_text(yyjson_doc_get_root(doc), "token");
        if (!value || !value[0])
                value = json_text_or(yyjson_doc_get_root(doc), "access_token", "");
        *seconds = json_uint_or(yyjson_doc_get_root(doc), "expires_in", SECONDS_DEFAULT);
        /* It becomes part of a header. */
        for (const char *c = value; *c; c++)
                if (*c <= ' ' || *c > '~')
                        value = "";
        if (!value[0])
                ret = error_set(err, &ERROR_REGISTRY_ANSWER, -EBADMSG, "the token server gave no token");
        else if (!(*token = strdup(value)))
                ret = error_oom(err);
        secret_json_free(doc);
        return ret;
}

/* "NAME=VALUE" with the value escaped, after '?' or '&' as it needs. */
static int query_add(struct buffer *out, const char *name, const char *value)
{
        const char *before = "";
        int ret;

        if (out->size)
                before = strchr(buffer_text(out), '?') || !strstr(buffer_text(out), "://") ? "&" : "?";
        ret = buffer_printf(out, "%s%s=", before, name);
        return ret < 0 ? ret : url_escape(out, value);
}

/* Scopes are separated by blanks; in a query each stands alone. */
static int scopes_add(struct buffer *out, const char *scopes)
{
        _cleanup_free_ char *copy = strdup(scopes);
        char *rest = NULL;
        int ret = copy ? 0 : -ENOMEM;

        for (char *scope = copy ? strtok_r(copy, " ", &rest) : NULL; scope && ret == 0;
             scope = strtok_r(NULL, " ", &rest))
                ret = query_add(out, "scope", scope);
        return ret;
}

/* The GET form, with user and password where there are any. */
static int get_build(const struct registry_auth *auth, const char *scopes, struct buffer *url,
                     struct buffer *header, struct error *err)
{
        int ret = buffer_append_text(url, auth->realm);

        if (ret == 0 && auth->service)
                ret = query_add(url, "service", auth->service);
        if (ret == 0)
                ret = scopes_add(url, scopes);
        if (ret == 0 && auth->credentials.user) {
                ret = query_add(url, "account", auth->credentials.user);
                if (ret == 0)
                        ret = buffer_append_text(header, "Authorization: Basic ");
                if (ret == 0)
                        ret = credentials_append_basic(&auth->credentials, header);
                if (ret == 0)
                        ret = buffer_append(header, "", 1);
        }
        return ret < 0 ? error_oom(err) : 0;
}

/* The POST form, which exchanges an identity token. */
static int post_build(const struct registry_auth *auth, const char *scopes, struct buffer *body,
                      struct error *err)
{
        int ret = query_add(body, "grant_type", "refresh_token");

        if (ret == 0)
                ret = query_add(body, "client_id", CLIENT_ID);
        if (ret == 0 && auth->service)
                ret = query_add(body, "service", auth->service);
        if (ret == 0)
                ret = query_add(body, "scope", scopes);
        if (ret == 0)
                ret = query_add(body, "refresh_token", auth->credentials.identity_token);
        return ret < 0 ? error_oom(err) : 0;
}

/* Credentials do not go where anybody can read along, unless the registry itself is reached so. */
static int realm_check(struct registry *registry, struct error *err)
{
        const char *realm = registry->auth->realm;
        _cleanup_url_ struct url url = {0};
        int ret = url_parse(realm, &url, err);

        if (ret < 0)
                return ret;
        if (url.is_tls || text_starts_with(registry->endpoint, "http:"))
                return 0;
        return error_set(
                err, &ERROR_REGISTRY_ANSWER, -EPROTO,
                "`%s` is reached by HTTPS but wants credentials to be sent to `%.200s`, which is not",
                registry->name, realm);
}

static int ask(struct registry *registry, const struct http_request *request, struct http_response *response,
               struct error *err)
{
        struct retry retry = {0};

        for (;;) {
                int ret, pause;

                http_response_free(response);
                ret = http_client_send(registry->client, request, response, err);
                if (!retry_is_worth(registry, ret, response))
                        return ret;
                pause = retry_pause(&retry, registry, response, err);
                if (pause < 0)
                        return pause == -ENODATA ? ret : pause;
        }
}

int token_fetch(struct registry *registry, struct token *token, struct error *err)
{
        const struct registry_auth *auth = registry->auth;
        const char *scopes = token->wanted ? token->wanted : token->scope;
        _cleanup_secret_buffer_ struct buffer header = {0}, body = {0};
        _cleanup_buffer_ struct buffer url = {0};
        _cleanup_http_response_ struct http_response response = {0};
        const char *headers[] = {NULL, NULL};
        struct http_request request = {.method = "GET", .headers = headers, .limit = ANSWER_LIMIT};
        uint64_t seconds;
        int ret = realm_check(registry, err);

        if (ret == 0 && auth->credentials.identity_token) {
                ret = post_build(auth, scopes, &body, err);
                headers[0] = "Content-Type: application/x-www-form-urlencoded";
                request.method = "POST";
                request.has_body = true;
                request.body = buffer_slice(&body);
                request.url = auth->realm;
        } else if (ret == 0) {
                ret = get_build(auth, scopes, &url, &header, err);
                headers[0] = header.size ? (const char *)header.data : NULL;
                request.url = buffer_text(&url);
        }
        if (ret == 0)
                ret = ask(registry, &request, &response, err);
        if (ret == 0 && response.status != 200)
                ret = registry_refusal(registry, &response, "get a token", err);
        secret_free(steal_ptr(token->value));
        if (ret == 0)
                ret = registry_token_parse(buffer_slice(&response.body), &token->value, &seconds, err);
        if (response.body.data)
                explicit_bzero(response.body.data, response.body.size);
        if (ret == 0)
                token->expires_us = clock_monotonic_us() + (seconds < SECONDS_MAX ? seconds : SECONDS_MAX) *
                                                                   900000; /* a tenth early */
        return ret;
}
