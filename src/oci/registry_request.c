/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "net/url.h"
#include "oci/credentials.h"
#include "oci/registry_private.h"

#define REDIRECTS_MAX       10
#define PING_LIMIT          (64 * KIB)
#define STATUS_BAD_REQUEST  400
#define STATUS_UNAUTHORISED 401
#define DOCKER_IO           "docker.io"
#define DOCKER_IO_HOST      "registry-1.docker.io"

/* --- where it is --------------------------------------------------------------------------------------- */

/* Asks for the API version (distribution-spec "Determining Support"). Learns which credentials it wants. */
static int ping(struct registry *registry, const char *endpoint, struct http_response *response,
                struct error *err)
{
        _cleanup_free_ char *url = NULL;
        struct http_request request = {.method = "GET", .limit = PING_LIMIT};
        bool again;
        int ret;

        if (asprintf(&url, "%s/v2/", endpoint) < 0) {
                url = NULL;
                return error_oom(err);
        }
        request.url = url;
        ret = http_client_send(registry->client, &request, response, err);
        if (ret == 0 && response->status == STATUS_UNAUTHORISED)
                ret = registry_auth_refused(registry, NULL, NULL, response, &again, err);
        return ret;
}

/* Did the other side of a TLS connection show that it speaks none there? */
static bool speaks_no_tls(const struct registry *registry, int ret)
{
        if (!registry->access->plain_http && !url_host_is_loopback(registry->host))
                return false;
        /* Without a port, HTTP is elsewhere than HTTPS. */
        return ret == -EPROTO || ret == -ECONNRESET || ret == -EBADMSG ||
               (ret == -ECONNREFUSED && !text_ends_with(registry->host, "]") && !strchr(registry->host, ':'));
}

static char *endpoint_make(const struct registry *registry, const char *scheme)
{
        const char *host = strcmp(registry->host, DOCKER_IO) == 0 ? DOCKER_IO_HOST : registry->host;
        char *endpoint;

        return asprintf(&endpoint, "%s://%s", scheme, host) < 0 ? NULL : endpoint;
}

/* One way of reaching it. 0: it answered; `*endpoint` then is what was asked, the caller's. */
static int try_scheme(struct registry *registry, const char *scheme, struct http_response *response,
                      char **endpoint, struct error *err)
{
        int ret;

        *endpoint = endpoint_make(registry, scheme);
        if (!*endpoint)
                return error_oom(err);
        http_response_free(response);
        ret = ping(registry, *endpoint, response, err);
        if (ret < 0)
                free(steal_ptr(*endpoint));
        return ret;
}

/* With the lock held. */
static int find(struct registry *registry, struct http_response *response, struct error *err)
{
        _cleanup_free_ char *endpoint = NULL;
        int ret = try_scheme(registry, "https", response, &endpoint, err);

        if (ret < 0 && speaks_no_tls(registry, ret)) {
                /* What speaks TLS after all calls plain HTTP a bad request; then the first failure counts. */
                if (try_scheme(registry, "http", response, &endpoint, NULL) == 0 &&
                    response->status != STATUS_BAD_REQUEST)
                        ret = 0;
        }
        if (ret == 0 && !retry_is_worth(registry, ret, response)) {
                registry->endpoint = steal_ptr(endpoint);
                registry->answered = true;
        }
        return ret;
}

int registry_connect(struct registry *registry, const char **endpoint, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        int ret = 0;

        if (!registry->answered) {
                pthread_mutex_lock(&registry->lock);
                if (!registry->endpoint)
                        ret = find(registry, &response, err);
                pthread_mutex_unlock(&registry->lock);
        }
        *endpoint = registry->answered ? registry->endpoint : NULL;
        if (ret == 0 && !*endpoint)
                ret = registry_refusal(registry, &response, "reach the registry", err);
        return ret;
}

int registry_resolve(struct registry *registry, const char *base, const char *target, char **out,
                     struct error *err)
{
        const char *endpoint;
        int ret = registry_connect(registry, &endpoint, err);

        return ret < 0 ? ret : url_resolve(base ? base : endpoint, target, out, err);
}

/* --- one request --------------------------------------------------------------------------------------- */

static int send_once(struct registry *registry, const struct registry_call *call, const char *url,
                     const char *authorization, struct http_response *response, struct error *err)
{
        const char *headers[ARRAY_SIZE(call->headers) + 2];
        struct http_request request = {.method = call->method,
                                       .url = url,
                                       .headers = headers,
                                       .has_body = call->has_body,
                                       .body = call->body,
                                       .source = call->source,
                                       .sink = call->sink,
                                       .is_over = call->is_over,
                                       .context = call->context,
                                       .limit = call->limit,
                                       .stall_seconds = call->stall_seconds};
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(call->headers) && call->headers[i]; i++)
                headers[n++] = call->headers[i];
        if (authorization)
                headers[n++] = authorization;
        headers[n] = NULL;
        http_response_free(response);
        return http_client_send(registry->client, &request, response, err);
}

/* With credentials, renewed once when they are refused. */
static int send_authorised(struct registry *registry, const struct registry_call *call, const char *scope,
                           const char *url, struct http_response *response, struct error *err)
{
        bool again = true;
        int ret = 0;

        for (int attempt = 0; attempt < 2 && again; attempt++) {
                _cleanup_secret_ char *authorization = NULL;

                again = false;
                ret = registry_auth_header(registry, scope, &authorization, err);
                if (ret == 0)
                        ret = send_once(registry, call, url, authorization, response, err);
                if (ret == 0 && response->status == STATUS_UNAUTHORISED && attempt == 0)
                        ret = registry_auth_refused(registry, scope, authorization, response, &again, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* May the request be repeated at another address? */
static const char *redirect_target(const struct registry_call *call, const struct http_response *response)
{
        bool is_read = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;

        switch (response->status) {
        case 301:
        case 302:
        case 303:
                return is_read ? http_response_header(response, "Location") : NULL;
        case 307:
        case 308:
                return http_response_header(response, "Location");
        default:
                return NULL;
        }
}

/* Follows `target` from `*url`; never from TLS to none. */
static int redirect(const struct registry *registry, const char *target, char **url, struct error *err)
{
        char *next;
        int ret = url_resolve(*url, target, &next, err);

        if (ret < 0)
                return error_wrap(err, ret, "`%s` redirects", registry->name);
        if (text_starts_with(*url, "https:") && !text_starts_with(next, "https:")) {
                free(next);
                return error_set(err, &ERROR_REGISTRY_ANSWER, -EPROTO,
                                 "`%s` redirects from HTTPS to plain HTTP, which is not followed",
                                 registry->name);
        }
        free(*url);
        *url = next;
        return 0;
}

static char *scope_make(const struct registry *registry, const struct registry_call *call)
{
        char *scope;

        if (call->scope)
                return strdup(call->scope);
        return asprintf(&scope, "repository:%s:%s", registry->repository, call->actions) < 0 ? NULL : scope;
}

int registry_exchange(struct registry *registry, const struct registry_call *call,
                      struct http_response *response, struct error *err)
{
        _cleanup_free_ char *scope = scope_make(registry, call), *url = NULL;
        const char *endpoint, *target;
        int ret = registry_connect(registry, &endpoint, err);

        if (ret < 0)
                return ret;
        if (call->url)
                url = strdup(call->url);
        else if (asprintf(&url, "%s/v2/%s", endpoint, call->path) < 0)
                url = NULL;
        if (!scope || !url)
                return error_oom(err);
        for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
                ret = url_same_origin(url, endpoint)
                              ? send_authorised(registry, call, scope, url, response, err)
                              : send_once(registry, call, url, NULL, response, err);
                target = ret == 0 ? redirect_target(call, response) : NULL;
                if (!target)
                        return ret;
                ret = redirect(registry, target, &url, err);
                if (ret < 0)
                        return ret;
        }
        return error_set(err, &ERROR_REGISTRY_ANSWER, -ELOOP, "`%s` redirects in a circle", registry->name);
}

int registry_request(struct registry *registry, const struct registry_call *call,
                     struct http_response *response, struct error *err)
{
        struct retry retry = {.is_over = call->is_over, .context = call->context};

        for (;;) {
                int ret, pause;

                http_response_free(response);
                ret = registry_exchange(registry, call, response, err);
                if (!retry_is_worth(registry, ret, response))
                        return ret;
                pause = retry_pause(&retry, registry, response, err);
                if (pause < 0)
                        return pause == -ENODATA ? ret : pause;
        }
}
