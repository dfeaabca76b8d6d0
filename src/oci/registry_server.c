/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/json.h"
#include "net/authorization.h"
#include "net/listen.h"
#include "oci/registry_server_private.h"

/* --- who may do what
 * ------------------------------------------------------------------------------------------ */

static const char *const rights[] = {"pull", "push", "delete", NULL};

const struct access_format registry_access_format = {.rights = rights, .error = &ERROR_STORE_TOKENS};

/* What a request may do: principal.grant. */
struct grant {
        bool everything;
        bool anonymous_pull;
        struct access_table *table; /* that `token` is of */
        const struct access_line *token;
};

static void grant_free(void *context)
{
        struct grant *grant = context;

        if (grant->table)
                access_file_put(grant->table);
        free(grant);
}

static bool allows(const struct grant *grant, enum registry_action action, const char *repository)
{
        if (grant->everything || (grant->anonymous_pull && action == REGISTRY_PULL))
                return true;
        return grant->token && access_line_allows(grant->token, action, repository);
}

bool request_allows(const struct request *request, enum registry_action action, const char *repository)
{
        return allows(request_principal(request)->grant, action, repository);
}

static int unauthenticated(const char *why, struct error *err)
{
        return error_set(err, &ERROR_HTTP_UNAUTHENTICATED, -EACCES, "%s", why);
}

/* A token that was sent, whichever way. 0 also when there is none. */
static int find_token(struct registry_server *server, const char *header, struct grant *grant,
                      struct principal *out, struct error *err)
{
        _cleanup_authorization_ struct authorization sent = {0};

        if (!header || !server->tokens)
                return 0;
        if (authorization_parse(header, &sent) < 0)
                return unauthenticated("the header Authorization is not one of Basic or Bearer", err);
        if (!*sent.user && !*sent.secret)
                return 0; /* clients send an empty Basic when they have nothing */
        grant->table = access_file_get(server->tokens);
        grant->token = access_table_find(grant->table, sent.secret);
        if (!grant->token)
                return unauthenticated("the token is not known here", err);
        snprintf(out->name, sizeof(out->name), "%s", access_line_name(grant->token));
        return 0;
}

static int identify(struct request *request, struct grant *grant, struct principal *out, struct error *err)
{
        struct registry_server *server = request_context(request);
        int ret = find_token(server, request_header(request, "Authorization"), grant, out, err);

        if (ret < 0 || grant->token)
                return ret;
        if (request_client_certificate(request, out))
                grant->everything = true;
        else if (!server->tokens && !server->options.client_ca)
                grant->everything = true;
        else
                grant->anonymous_pull = server->options.anonymous_pull;
        return 0;
}

/* The action is the route's tag; 0: none on a repository. */
static int authorise(const struct request *request, const struct principal *who, struct error *err)
{
        static const char *const names[] = {
                [REGISTRY_PULL] = "pull from", [REGISTRY_PUSH] = "push to", [REGISTRY_DELETE] = "delete in"};
        const struct grant *grant = who->grant;
        enum registry_action action = (enum registry_action)request_tag(request);
        bool is_known = grant->everything || grant->token;

        /* "/v2/" itself is where clients find out that there are tokens at all. */
        if (!action)
                return is_known ? 0 : unauthenticated("a token is needed here", err);
        if (allows(grant, action, request_repository(request)))
                return 0;
        if (!is_known)
                return unauthenticated("a token is needed for this", err);
        return error_set(err, &ERROR_HTTP_FORBIDDEN, -EPERM, "`%s` may not %s `%.100s`", who->name,
                         names[action], request_repository(request));
}

static int authenticate(struct request *request, struct principal *out, struct error *err)
{
        struct grant *grant = calloc(1, sizeof(*grant));
        int ret;

        if (!grant)
                return error_oom(err);
        out->grant = grant; /* freed with the request */
        out->grant_free = grant_free;
        ret = identify(request, grant, out, err);
        return ret < 0 ? ret : authorise(request, out, err);
}

/* --- errors
 * ----------------------------------------------------------------------------------------------------- */

/* distribution-spec, "Error Codes". */
static const char *code_of(const struct error *error)
{
        static const struct {
                const struct error_kind *kind;
                const char *code;
        } codes[] = {
                {&ERROR_STORE_BLOB_UNKNOWN, "BLOB_UNKNOWN"},
                {&ERROR_STORE_UPLOAD_UNKNOWN, "BLOB_UPLOAD_UNKNOWN"},
                {&ERROR_STORE_UPLOAD_INVALID, "BLOB_UPLOAD_INVALID"},
                {&ERROR_STORE_UPLOAD_RANGE, "BLOB_UPLOAD_INVALID"},
                {&ERROR_BUSY, "BLOB_UPLOAD_INVALID"},
                {&ERROR_STORE_DIGEST, "DIGEST_INVALID"},
                {&ERROR_STORE_MANIFEST_UNKNOWN, "MANIFEST_UNKNOWN"},
                {&ERROR_STORE_MANIFEST_INVALID, "MANIFEST_INVALID"},
                {&ERROR_STORE_MANIFEST_BLOB_UNKNOWN, "MANIFEST_BLOB_UNKNOWN"},
                {&ERROR_STORE_NAME, "NAME_INVALID"},
                {&ERROR_STORE_NAME_UNKNOWN, "NAME_UNKNOWN"},
                {&ERROR_HTTP_UNAUTHENTICATED, "UNAUTHORIZED"},
                {&ERROR_HTTP_FORBIDDEN, "DENIED"},
                {&ERROR_HTTP_METHOD, "UNSUPPORTED"},
                {&ERROR_HTTP_PATH, "UNSUPPORTED"},
                {&ERROR_HTTP_TOO_LARGE, "SIZE_INVALID"},
                {&ERROR_NO_SPACE, "NO_SPACE"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
                if (codes[i].kind == error->kind)
                        return codes[i].code;
        return "UNKNOWN";
}

/* {"errors":[{"code","message","detail":{"code","hint"}}]} */
static int answer_error(struct request *request, const struct error *error, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        yyjson_mut_val *root, *object, *detail;
        char message[sizeof(error->text)];
        int ret;

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        object = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, root, "errors"));
        yyjson_mut_obj_add_str(doc, object, "code", code_of(error));
        yyjson_mut_obj_add_str(doc, object, "message", response_text(error->text, message, sizeof(message)));
        detail = yyjson_mut_obj_add_obj(doc, object, "detail");
        yyjson_mut_obj_add_str(doc, detail, "code", error_code(error));
        yyjson_mut_obj_add_str(doc, detail, "hint", error_hint(error));
        ret = json_write(doc, false, &text, err);
        if (ret < 0)
                return ret;
        return request_respond_bytes(request, error->kind ? (unsigned)error->kind->http_status : 500,
                                     "application/json", buffer_slice(&text), err);
}

/* --- what the handlers share -------------------------------------------------------------------------------
 */

char *digest_format(const struct sha256 *digest, char out[DIGEST_TEXT_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
        return out;
}

int digest_parse(const char *text, struct sha256 *out, struct error *err)
{
        if (text_starts_with(text, "sha256:") && sha256_parse(text, out))
                return 0;
        return error_set(err, &ERROR_STORE_DIGEST, -EINVAL, "`%.140s` is not a SHA-256 digest", text);
}

struct registry_store *request_store(const struct request *request)
{
        const struct registry_server *server = request_context(request);

        return server->store;
}

const struct registry_origin *request_origin(const struct request *request)
{
        const struct registry_server *server = request_context(request);

        return &server->options.origin;
}

const char *request_repository(const struct request *request)
{
        return request_parameter(request, "name");
}

/* --- routes
 * ------------------------------------------------------------------------------------------------- */

static int base_end(struct request *request, struct error *err)
{
        return request_respond_bytes(request, 200, "application/json", SLICE_TEXT("{}"), err);
}

static const struct handler handle_base = {.end = base_end};

static const struct route routes[] = {
        {"GET", "/v2/", &handle_base, 0},
        {"GET", "/v2/_catalog", &handle_catalog, 0},
        {"GET", "/v2/{name...}/tags/list", &handle_tags, REGISTRY_PULL},
        {"GET", "/v2/{name...}/referrers/{digest}", &handle_referrers, REGISTRY_PULL},
        {"GET", "/v2/{name...}/manifests/{reference}", &handle_manifest_get, REGISTRY_PULL},
        {"PUT", "/v2/{name...}/manifests/{reference}", &handle_manifest_put, REGISTRY_PUSH},
        {"DELETE", "/v2/{name...}/manifests/{reference}", &handle_manifest_delete, REGISTRY_DELETE},
        {"POST", "/v2/{name...}/blobs/uploads/", &handle_upload_post, REGISTRY_PUSH},
        {"GET", "/v2/{name...}/blobs/uploads/{id}", &handle_upload_get, REGISTRY_PUSH},
        {"PATCH", "/v2/{name...}/blobs/uploads/{id}", &handle_upload_patch, REGISTRY_PUSH},
        {"PUT", "/v2/{name...}/blobs/uploads/{id}", &handle_upload_put, REGISTRY_PUSH},
        {"DELETE", "/v2/{name...}/blobs/uploads/{id}", &handle_upload_delete, REGISTRY_PUSH},
        {"GET", "/v2/{name...}/blobs/{digest}", &handle_blob_get, REGISTRY_PULL},
        {"DELETE", "/v2/{name...}/blobs/{digest}", &handle_blob_delete, REGISTRY_DELETE},
};

static const struct server_header headers[] = {
        {"Docker-Distribution-Api-Version", "registry/2.0"},
        {"X-Content-Type-Options", "nosniff"},
};

/* --- from start to stop
 * -------------------------------------------------------------------------------------- */

static int check_options(const struct registry_server_options *options, struct error *err)
{
        bool is_local;
        int ret;

        if (!options->certificate != !options->key)
                return error_set(err, &ERROR_USAGE, -EINVAL, "certificate and key belong together");
        if (options->client_ca && !options->certificate)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "client certificates need TLS: a certificate and a key");
        if (options->anonymous_pull && !options->tokens && !options->client_ca)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "without tokens or a client CA everybody may do everything already");
        ret = listen_is_local(options->listen, &is_local, err);
        if (ret < 0 || is_local || options->tokens || options->client_ca)
                return ret;
        ret = error_set(err, &ERROR_USAGE, -EPERM,
                        "`%s` can be reached from other machines, and nobody would be asked who they are",
                        options->listen);
        error_set_hint(err, "Give a token file or a client CA, or listen on 127.0.0.1.");
        return ret;
}

static int start(struct registry_server *server, struct error *err)
{
        const struct registry_server_options *options = &server->options;
        const struct server_options http = {
                .listen = options->listen,
                .certificate = options->certificate,
                .key = options->key,
                .client_ca = options->client_ca,
                .routes = routes,
                .route_count = ARRAY_SIZE(routes),
                .context = server,
                .headers = headers,
                .header_count = ARRAY_SIZE(headers),
                .authenticate = authenticate,
                .challenge = "Basic realm=\"registry\"",
                .fail = answer_error,
        };

        return server_start(&http, &server->server, err);
}

int registry_server_start(const struct registry_server_options *options, struct registry_server **out,
                          struct error *err)
{
        _cleanup_registry_server_ struct registry_server *server = NULL;
        int ret = check_options(options, err);

        if (ret < 0)
                return ret;
        server = calloc(1, sizeof(*server));
        if (!server)
                return error_oom(err);
        server->options = *options;
        if (options->tokens)
                ret = access_file_open(options->tokens, &registry_access_format, &server->tokens, err);
        if (ret == 0)
                ret = store_open(options->root, &server->store, err);
        if (ret == 0)
                ret = start(server, err);
        if (ret == 0)
                *out = steal_ptr(server);
        return ret;
}

const char *registry_server_address(const struct registry_server *server)
{
        return server_address(server->server);
}

struct registry_store *registry_server_store(struct registry_server *server)
{
        return server->store;
}

void registry_server_stop(struct registry_server *server, unsigned seconds)
{
        server_stop(server->server, seconds);
}

void registry_server_free(struct registry_server *server)
{
        if (!server)
                return;
        server_free(server->server);
        store_free(server->store);
        access_file_free(server->tokens);
        free(server);
}
