/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/node.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "catalog/catalog.h"
#include "cli/error_kinds.h"
#include "cli/node_internal.h"
#include "net/url.h"
#include "oci/location.h"
#include "program/memory.h"

#define SOCKET_PREFIX "unix:"
#define TOKEN_LIMIT   (64 * KIB)
#define ANSWER_LIMIT  JSON_LIMIT
#define PAGE          "500"

const struct error_kind ERROR_NODE = {
        "SNAP-690", EXIT_ERROR, 502, "the node gave no usable answer",
        "Check the address given to --node: the agent of a node must listen there."};
const struct error_kind *const cli_error_kinds[] = {&ERROR_NODE, NULL};

/* What was given. */
static const char *url, *ca, *certificate, *key, *token_file;

static const struct option_spec options[] = {
        {.name = "node",
         .type = OPTION_TEXT,
         .value = &url,
         .metavar = "URL",
         .help = "work on the node whose agent is there: https://HOST:PORT or unix:PATH; else SNAP_NODE"},
        {.name = "node-ca",
         .type = OPTION_TEXT,
         .value = &ca,
         .metavar = "FILE",
         .help = "trust the certificates in it as well (PEM); else SNAP_NODE_CA"},
        {.name = "node-certificate",
         .type = OPTION_TEXT,
         .value = &certificate,
         .metavar = "FILE",
         .help = "show this certificate to the agent (PEM); else SNAP_NODE_CERTIFICATE"},
        {.name = "node-key",
         .type = OPTION_TEXT,
         .value = &key,
         .metavar = "FILE",
         .help = "its private key (PEM); else SNAP_NODE_KEY"},
        {.name = "node-token-file",
         .type = OPTION_TEXT,
         .value = &token_file,
         .metavar = "FILE",
         .help = "show the token in it; else SNAP_NODE_TOKEN_FILE"},
};
const struct option_table node_options_table = OPTION_TABLE(options);

static struct {
        struct http_client *client;
        char *base;          /* without a slash at its end */
        char *authorization; /* the header; NULL: none */
} node;

/* --- from begin to end ------------------------------------------------------------------------------------
 */

static void take_environment(const char **value, const char *name)
{
        const char *text = getenv(name);

        if (!*value && text && *text)
                *value = text;
}

static int read_token(struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = file_read(AT_FDCWD, token_file, TOKEN_LIMIT, &text, err);

        if (ret < 0)
                return ret;
        while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
                text.data[--text.size] = '\0';
        if (!text.size || strlen(buffer_text(&text)) != text.size || strpbrk(buffer_text(&text), "\r\n"))
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` holds no token", token_file);
        memory_check(asprintf(&node.authorization, "Authorization: Bearer %s", buffer_text(&text)));
        explicit_bzero(text.data, text.size);
        return 0;
}

/* Where a token or a certificate would go is never somewhere that nobody vouches for. */
static int check_url(struct error *err)
{
        _cleanup_url_ struct url parts = {0};
        int ret = url_parse(url, &parts, err);

        if (ret < 0)
                return ret;
        if (!parts.is_tls && !url_host_is_loopback(parts.host))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` has no TLS: only this machine is asked without", url);
        return 0;
}

static int connect_node(struct error *err)
{
        bool is_socket = text_starts_with(url, SOCKET_PREFIX);
        const struct http_client_options http = {.ca_file = ca,
                                                 .certificate = certificate,
                                                 .key = key,
                                                 .socket = is_socket ? url + strlen(SOCKET_PREFIX) : NULL};
        int ret = is_socket ? 0 : check_url(err);

        if (ret < 0)
                return ret;
        node.base = memory_copy(is_socket ? "http://localhost" : url);
        for (size_t size = strlen(node.base); size && node.base[size - 1] == '/'; size--)
                node.base[size - 1] = '\0';
        ret = token_file ? read_token(err) : 0;
        if (ret == 0)
                ret = http_client_new(&http, &node.client, err);
        if (ret == 0)
                location_use(node_open_archive);
        return ret;
}

int node_begin(bool verb_reaches, const char *verb, struct error *err)
{
        if (!verb_reaches) {
                if (!url && !ca && !certificate && !key && !token_file)
                        return 0;
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` works on this machine only, not on a node",
                                 verb);
        }
        take_environment(&url, "SNAP_NODE");
        take_environment(&ca, "SNAP_NODE_CA");
        take_environment(&certificate, "SNAP_NODE_CERTIFICATE");
        take_environment(&key, "SNAP_NODE_KEY");
        take_environment(&token_file, "SNAP_NODE_TOKEN_FILE");
        return url ? connect_node(err) : 0;
}

bool node_is_used(void)
{
        return node.client != NULL;
}

void node_end(void)
{
        http_client_free(steal_ptr(node.client));
        free(node.base);
        if (node.authorization)
                explicit_bzero(node.authorization, strlen(node.authorization));
        free(node.authorization);
}

int node_refuse_options(const struct local_option *given, size_t count, struct error *err)
{
        for (size_t i = 0; i < count; i++)
                if (given[i].is_given)
                        return error_set(err, &ERROR_USAGE, -EINVAL, "--%s is not possible with --node",
                                         given[i].name);
        return 0;
}

/* --- asking -----------------------------------------------------------------------------------------------
 */

int node_error(yyjson_val *object, const char *otherwise, struct error *err)
{
        const char *code = json_text(object, "code"), *text = json_text_or(object, "text", otherwise),
                   *hint = json_text_or(object, "hint", "");
        const struct error_kind *kind = code ? error_kind_find(code) : NULL;
        int ret = error_set(err, kind ?: &ERROR_NODE,
                            kind && kind->exit_status == EXIT_NOT_FOUND ? -ENOENT : -EIO,
                            code && !kind ? "%s (%s)" : "%s", text, code);

        if (hint[0])
                error_set_hint(err, "%s", hint);
        error_set_log(err, json_text_or(object, "log", ""));
        return ret;
}

static int refused(const struct http_response *response, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        char otherwise[256];

        snprintf(otherwise, sizeof(otherwise), "`%.150s` answered with status %u", url, response->status);
        (void)json_parse(buffer_slice(&response->body), "the answer", &doc, NULL);
        return node_error(doc ? yyjson_obj_get(yyjson_doc_get_root(doc), "error") : NULL, otherwise, err);
}

int node_send(const char *path, const char *extra, struct http_request *request,
              struct http_response *response, struct error *err)
{
        const char *headers[4] = {NULL};
        _cleanup_buffer_ struct buffer address = {0};
        size_t count = 0;
        int ret;

        if (node.authorization)
                headers[count++] = node.authorization;
        if (extra)
                headers[count++] = extra;
        if (request->has_body)
                headers[count++] = "Content-Type: application/json";
        memory_check(buffer_printf(&address, "%s%s", node.base, path));
        request->url = buffer_text(&address);
        request->headers = headers;
        ret = http_client_send(node.client, request, response, err);
        request->url = NULL;
        request->headers = NULL;
        if (ret == 0 && response->status / 100 != 2)
                ret = refused(response, err);
        return ret;
}

int node_ask(const char *method, const char *path, yyjson_mut_doc *body, yyjson_doc **out, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_buffer_ struct buffer text = {0};
        struct http_request request = {.method = method, .limit = ANSWER_LIMIT};
        int ret = body ? json_write(body, false, &text, err) : 0;

        if (ret < 0)
                return ret;
        request.has_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
        request.body = buffer_slice(&text);
        if (out)
                *out = NULL;
        ret = node_send(path, NULL, &request, &response, err);
        if (ret == 0 && out && response.body.size)
                ret = json_parse(buffer_slice(&response.body), "the node's answer", out, err);
        return ret;
}

/* --- checkpoints ------------------------------------------------------------------------------------------
 */

int node_each_checkpoint(int (*take)(void *context, yyjson_val *checkpoint, struct error *err), void *context,
                         struct error *err)
{
        _cleanup_free_ char *after = NULL;
        int ret = 0;

        do {
                _cleanup_buffer_ struct buffer path = {0};
                _cleanup_json_ yyjson_doc *page = NULL;
                yyjson_val *checkpoint;
                size_t i, count;

                memory_check(buffer_append_text(&path, "/checkpoints?limit=" PAGE));
                if (after)
                        memory_check(buffer_printf(&path, "&after=%s", after));
                ret = node_ask("GET", buffer_text(&path), NULL, &page, err);
                if (ret < 0)
                        return ret;
                yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(page), "items"), i, count, checkpoint)
                        if ((ret = take(context, checkpoint, err)) != 0)
                                return ret;
                free(after);
                after = NULL;
                if (json_text(yyjson_doc_get_root(page), "next")) {
                        _cleanup_buffer_ struct buffer next = {0};

                        memory_check(url_escape(&next, json_text(yyjson_doc_get_root(page), "next")));
                        after = memory_copy(buffer_text(&next));
                }
        } while (after);
        return 0;
}

struct search {
        const char *path;
        yyjson_doc *found;
};

static int match_path(void *context, yyjson_val *checkpoint, struct error *err)
{
        struct search *search = context;
        _cleanup_json_mut_ yyjson_mut_doc *copy = NULL;

        if (strcmp(json_text_or(checkpoint, "path", ""), search->path) != 0)
                return 0;
        copy = yyjson_mut_doc_new(NULL);
        memory_check(copy ? 0 : -1);
        yyjson_mut_doc_set_root(copy, yyjson_val_mut_copy(copy, checkpoint));
        search->found = yyjson_mut_doc_imut_copy(copy, NULL);
        memory_check(search->found ? 0 : -1);
        return 1;
}

int node_checkpoint(const char *name, yyjson_doc **out, struct error *err)
{
        struct search search = {.path = name};
        _cleanup_buffer_ struct buffer path = {0};
        int ret;

        if (!strchr(name, '/')) {
                memory_check(buffer_append_text(&path, "/checkpoints/"));
                memory_check(url_escape(&path, name));
                return node_ask("GET", buffer_text(&path), NULL, out, err);
        }
        ret = node_each_checkpoint(match_path, &search, err);
        if (ret == 0)
                return error_set(err, &ERROR_CHECKPOINT_NOT_FOUND, -ENOENT, "the node has no checkpoint `%s`",
                                 name);
        *out = search.found;
        return ret < 0 ? ret : 0;
}

int node_checkpoint_path(const char *name, const char *rest, struct buffer *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *checkpoint = NULL;
        int ret = node_checkpoint(name, &checkpoint, err);

        if (ret < 0)
                return ret;
        memory_check(buffer_append_text(out, "/checkpoints/"));
        memory_check(url_escape(out, json_text_or(yyjson_doc_get_root(checkpoint), "id", "")));
        memory_check(buffer_append_text(out, rest));
        return 0;
}
