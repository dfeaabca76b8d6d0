/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "net/listen.h"
#include "net/server_private.h"
#include "net/uri.h"

/* A longer body is not waited for when the request fails before it. */
#define EARLY_LIMIT (16 * MIB)
/* libmicrohttpd cannot answer in the middle of a body: one whose request fails there is read to its end, so
 * that the client gets to read why, but no further than this. */
#define SWALLOW_LIMIT (1 * GIB)

/* --- what is asked for ------------------------------------------------------------------------------------
 */

static uint64_t body_size_of(const struct request *request)
{
        const char *length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

        if (request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING))
                return UINT64_MAX;
        return length ? strtoull(length, NULL, 10) : 0; /* libmicrohttpd has refused what is no number */
}

struct request *request_new(struct server *server, struct MHD_Connection *http, const char *method,
                            const char *path)
{
        const union MHD_ConnectionInfo *context =
                microhttpd.MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        struct request *request = context->socket_context ? calloc(1, sizeof(*request)) : NULL;

        if (!request)
                return NULL;
        request->server = server;
        request->connection = context->socket_context;
        request->http = http;
        request->method = strdup(method);
        request->path = strdup(path);
        if (!request->method || !request->path) {
                request_free(request);
                return NULL;
        }
        request->body_size = body_size_of(request);
        return request;
}

void request_free(struct request *request)
{
        if (request->state && request->match.route->handler->free)
                request->match.route->handler->free(request->state);
        if (request->principal.grant && request->principal.grant_free)
                request->principal.grant_free(request->principal.grant);
        for (size_t i = 0; i < ARRAY_SIZE(request->parameters); i++)
                free(request->parameters[i]);
        while (request->queries) {
                struct query *next = request->queries->next;

                free(request->queries->name);
                buffer_free(&request->queries->value);
                free(request->queries);
                request->queries = next;
        }
        request_free_response(request);
        free(request->method);
        free(request->path);
        free(request);
}

void *request_context(const struct request *request)
{
        return request->server->options.context;
}

int request_tag(const struct request *request)
{
        return request->match.route->tag;
}

const char *request_method(const struct request *request)
{
        return request->method;
}

const char *request_path(const struct request *request)
{
        return request->path;
}

const char *request_parameter(const struct request *request, const char *name)
{
        for (size_t i = 0; i < request->match.count; i++) {
                struct slice each = request->match.parameters[i].name;

                if (each.size == strlen(name) && memcmp(each.data, name, each.size) == 0)
                        return request->parameters[i];
        }
        return "";
}

const char *request_query(struct request *request, const char *name)
{
        const char *text = NULL; /* also of a field without a value */
        bool is_there = microhttpd.MHD_lookup_connection_value_n(request->http, MHD_GET_ARGUMENT_KIND, name,
                                                                 strlen(name), &text, NULL) == MHD_YES;
        struct query *query;

        for (query = request->queries; query; query = query->next)
                if (strcmp(query->name, name) == 0)
                        return buffer_text(&query->value);
        if (!is_there)
                return NULL;
        if (!text)
                return "";
        query = calloc(1, sizeof(*query));
        if (!query)
                return "";
        query->next = request->queries;
        query->name = strdup(name);
        if (!query->name || uri_decode(SLICE_TEXT(text), true, &query->value) < 0) {
                free(query->name);
                buffer_free(&query->value);
                free(query);
                return ""; /* what is malformed is no valid value of anything */
        }
        request->queries = query;
        return buffer_text(&query->value);
}

const char *request_header(const struct request *request, const char *name)
{
        return microhttpd.MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name);
}

uint64_t request_body_size(const struct request *request)
{
        return request->body_size;
}

const struct principal *request_principal(const struct request *request)
{
        return &request->principal;
}

/* Looks at it once for each connection. */
static bool find_certificate(struct request *request)
{
        struct connection *connection = request->connection;
        const union MHD_ConnectionInfo *info;

        if (connection->certificate_known || !request->server->tls)
                return connection->has_certificate;
        info = microhttpd.MHD_get_connection_info(request->http, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        connection->certificate_known = true;
        connection->has_certificate =
                info && info->tls_session && server_tls_client(info->tls_session, &connection->certificate);
        return connection->has_certificate;
}

bool request_client_certificate(struct request *request, struct principal *out)
{
        const struct principal *shown = &request->connection->certificate;

        if (!find_certificate(request))
                return false;
        memcpy(out->name, shown->name, sizeof(out->name));
        memcpy(out->groups, shown->groups, sizeof(out->groups));
        out->group_count = shown->group_count;
        return true;
}

bool request_peer_user(const struct request *request, uid_t *out)
{
        return listen_peer_user(request->connection->fd, out);
}

int request_describe_peer(const struct request *request, struct buffer *out)
{
        return listen_describe_peer(request->connection->fd, out);
}

const char *request_pattern(const struct request *request)
{
        return request->match.route ? request->match.route->pattern : NULL;
}

bool request_is_ending(const struct request *request)
{
        return request->server->ending;
}

bool request_was_sent(const struct request *request)
{
        return request->was_sent;
}

void request_set_state(struct request *request, void *state)
{
        request->state = state;
}

void *request_state(const struct request *request)
{
        return request->state;
}

/* --- serving it -------------------------------------------------------------------------------------------
 */

static void fail(struct request *request, const struct error *error)
{
        const struct server_options *options = &request->server->options;

        if (error->kind == &ERROR_HTTP_UNAUTHENTICATED && options->challenge)
                (void)request_set_header(request, NULL, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "%s",
                                         options->challenge);
        if (!options->fail || options->fail(request, error, NULL) < 0)
                (void)request_respond_error(request, error, NULL);
}

static int check_limits(const struct request *request, struct error *err)
{
        const struct server_options *options = &request->server->options;
        const union MHD_ConnectionInfo *info =
                microhttpd.MHD_get_connection_info(request->http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

        if (strlen(request->path) > options->path_size)
                return error_set(err, &ERROR_HTTP_HEADER, -EMSGSIZE, "the path is longer than %zu bytes",
                                 options->path_size);
        if (info && info->header_size > options->header_size)
                return error_set(err, &ERROR_HTTP_HEADER, -EMSGSIZE, "the header is longer than %zu bytes",
                                 options->header_size);
        return 0;
}

static int no_route(struct request *request, struct error *err)
{
        const struct server_options *options = &request->server->options;
        _cleanup_buffer_ struct buffer methods = {0};

        if (route_methods(options->routes, options->route_count, request->path, &methods) < 0)
                return error_oom(err);
        if (!methods.size)
                return error_set(err, &ERROR_HTTP_PATH, -ENOENT, "there is nothing at `%s`", request->path);
        (void)request_set_header(request, NULL, MHD_HTTP_HEADER_ALLOW, "%s", buffer_text(&methods));
        return error_set(err, &ERROR_HTTP_METHOD, -EINVAL, "`%s` does not know the method %s", request->path,
                         request->method);
}

static int decode_parameters(struct request *request, struct error *err)
{
        for (size_t i = 0; i < request->match.count; i++) {
                _cleanup_buffer_ struct buffer decoded = {0};

                if (uri_decode(request->match.parameters[i].value, false, &decoded) < 0)
                        return error_set(err, &ERROR_HTTP_REQUEST, -EINVAL,
                                         "the path `%s` is not encoded as it should be", request->path);
                request->parameters[i] = strdup(buffer_text(&decoded));
                if (!request->parameters[i])
                        return error_oom(err);
        }
        return 0;
}

static int admit(struct request *request, struct error *err)
{
        const struct server_options *options = &request->server->options;
        int ret = check_limits(request, err);

        if (ret < 0)
                return ret;
        route_find(options->routes, options->route_count, request->method, request->path, &request->match);
        if (!request->match.route)
                return no_route(request, err);
        ret = decode_parameters(request, err);
        if (ret == 0 && options->authenticate)
                ret = options->authenticate(request, &request->principal, err);
        return ret;
}

void request_begin(struct request *request)
{
        struct error err = {0};
        int ret = admit(request, &err);

        if (ret == 0 && request->match.route->handler->begin)
                ret = request->match.route->handler->begin(request, &err);
        if (ret < 0)
                fail(request, &err);
}

bool request_is_answered_early(const struct request *request)
{
        return request->response && request->body_size > EARLY_LIMIT;
}

int request_body(struct request *request, struct slice bytes)
{
        struct error err = {0};

        if (request->response) {
                request->swallowed += bytes.size;
                return request->swallowed > SWALLOW_LIMIT ? -EMSGSIZE : 0;
        }
        if (!request->match.route->handler->body)
                return 0;
        if (request->match.route->handler->body(request, bytes, &err) < 0)
                fail(request, &err);
        return 0;
}

void request_end(struct request *request)
{
        struct error err = {0};

        if (request->response)
                return;
        if (!request->match.route->handler->end || request->match.route->handler->end(request, &err) < 0)
                fail(request, &err);
        if (!request->response) {
                error_set(&err, &ERROR_INTERNAL, -EIO, "the request was not answered");
                fail(request, &err);
        }
}

int request_send(struct request *request)
{
        if (!request->response)
                return -EIO;
        if (request_is_ending(request))
                microhttpd.MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
        return microhttpd.MHD_queue_response(request->http, request->status, request->response) == MHD_YES
                       ? 0
                       : -EIO;
}
