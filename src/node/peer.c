/* SPDX-License-Identifier: Apache-2.0 */
#include "node/peer.h"

#include <errno.h>
#include "net/headers.h"
#include "net/url.h"

/* Facts and the digests of CHUNK_COUNT_MAX chunks. */
#define CHUNKS_LIMIT (2 * MIB)
/* A node that has to read all of an archive first, to list its chunks or layers, sends nothing meanwhile. */
#define LIST_SECONDS 600
#define READ_SECONDS 20

struct peer {
        struct http_client *client;
        char *name, *base; /* URL of the node, and of the checkpoint there */
        char *id, *ticket; /* the header with it; NULL: none */
};

static int check_url(const char *url, struct error *err)
{
        _cleanup_url_ struct url parts = {0};
        int ret = url_parse(url, &parts, err);

        if (ret < 0)
                return ret;
        if (!parts.is_tls && !url_host_is_loopback(parts.host))
                return error_set(err, &ERROR_HTTP_URL, -EINVAL,
                                 "`%.200s` has no TLS: only this machine itself is asked without", url);
        return 0;
}

static int set_texts(struct peer *peer, const struct peer_options *options, struct error *err)
{
        _cleanup_buffer_ struct buffer base = {0};
        size_t size = strlen(options->url);

        while (size && options->url[size - 1] == '/')
                size--;
        peer->name = strndup(options->url, size);
        peer->id = strdup(options->id);
        if (!peer->name || !peer->id || buffer_printf(&base, "%s/checkpoints/", peer->name) < 0 ||
            url_escape(&base, peer->id) < 0)
                return error_oom(err);
        peer->base = (char *)steal_ptr(base.data);
        if (options->ticket && asprintf(&peer->ticket, TICKET_HEADER ": %s", options->ticket) < 0) {
                peer->ticket = NULL;
                return error_oom(err);
        }
        return 0;
}

int peer_open(const struct peer_options *options, struct peer **out, struct error *err)
{
        const struct http_client_options http = {.ca_file = options->ca_file,
                                                 .only_ca_file = true,
                                                 .certificate = options->certificate,
                                                 .key = options->key,
                                                 .progress = options->progress,
                                                 .stall_seconds = READ_SECONDS};
        _cleanup_peer_ struct peer *peer = NULL;
        int ret = check_url(options->url, err);

        if (ret < 0)
                return ret;
        peer = calloc(1, sizeof(*peer));
        if (!peer)
                return error_oom(err);
        ret = set_texts(peer, options, err);
        if (ret == 0)
                ret = http_client_new(&http, &peer->client, err);
        if (ret == 0)
                *out = steal_ptr(peer);
        return ret;
}

void peer_free(struct peer *peer)
{
        if (!peer)
                return;
        http_client_free(peer->client);
        free(peer->name);
        free(peer->base);
        free(peer->id);
        if (peer->ticket)
                explicit_bzero(peer->ticket, strlen(peer->ticket));
        free(peer->ticket);
        free(peer);
}

const char *peer_name(const struct peer *peer)
{
        return peer->name;
}

/* --- requests ---------------------------------------------------------------------------------------------
 */

static int refuse(const struct peer *peer, const struct error_kind *kind, int ret, const char *what,
                  const struct http_response *response, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        const char *text = NULL;

        if (json_parse(buffer_slice(&response->body), "an answer", &doc, NULL) == 0)
                text = json_text(yyjson_obj_get(yyjson_doc_get_root(doc), "error"), "text");
        return error_set(err, kind, ret, "`%s` %s `%s` (status %u%s%.300s)", peer->name, what, peer->id,
                         response->status, text ? ": " : "", text ? text : "");
}

/* Any answer that is not the one that was asked for. */
static int refused(const struct peer *peer, const struct http_response *response, struct error *err)
{
        switch (response->status) {
        case 401:
        case 403:
                return refuse(peer, peer->ticket ? &ERROR_TICKET : &ERROR_PEER_ACCESS, -EPERM,
                              "does not let us read", response, err);
        case 404:
                return refuse(peer, &ERROR_CHECKPOINT_NOT_FOUND, -ENOENT, "does not have", response, err);
        case 429:
        case 500 ... 599:
                return refuse(peer, &ERROR_PEER, -EIO, "cannot give", response, err);
        default:
                return refuse(peer, &ERROR_PEER_ANSWER, -EBADMSG, "gave no usable answer for", response, err);
        }
}

static int send(struct peer *peer, const char *method, const char *part, struct http_request *request,
                struct http_response *response, struct error *err)
{
        _cleanup_buffer_ struct buffer url = {0};

        if (buffer_printf(&url, "%s%s", peer->base, part) < 0)
                return error_oom(err);
        request->method = method;
        request->url = buffer_text(&url);
        return http_client_send(peer->client, request, response, err);
}

static int read_checkpoint(const struct peer *peer, struct slice text, struct checkpoint **out,
                           struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        int ret = json_parse(text, peer->name, &doc, err);

        if (ret == 0)
                ret = checkpoint_from_json(yyjson_obj_get(yyjson_doc_get_root(doc), "checkpoint"),
                                           &checkpoint, err);
        if (ret < 0)
                return ret;
        if (strcmp(checkpoint->id, peer->id) != 0)
                return error_set(err, &ERROR_PEER_ANSWER, -EBADMSG,
                                 "`%s` answered with another one than `%s`", peer->name, peer->id);
        *out = steal_ptr(checkpoint);
        return 0;
}

int peer_chunks(struct peer *peer, struct checkpoint **checkpoint, struct chunk_list *list, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        const char *headers[] = {peer->ticket, NULL};
        struct http_request request = {
                .headers = headers, .limit = CHUNKS_LIMIT, .stall_seconds = LIST_SECONDS};
        int ret = send(peer, "GET", "/chunks", &request, &response, err);

        if (ret == 0 && response.status != 200)
                ret = refused(peer, &response, err);
        if (ret == 0)
                ret = read_checkpoint(peer, buffer_slice(&response.body), checkpoint, err);
        if (ret == 0)
                ret = chunk_list_parse(buffer_slice(&response.body), peer->id, list, err);
        return ret;
}

static int read_layers(const struct peer *peer, struct slice text, struct sha256 *layers, size_t count,
                       struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        int ret = json_parse(text, peer->name, &doc, err);
        yyjson_val *list = ret < 0 ? NULL : yyjson_obj_get(yyjson_doc_get_root(doc), "layers"), *layer;
        bool is_good = yyjson_arr_size(list) == count;
        size_t i, size;

        if (ret < 0)
                return ret;
        yyjson_arr_foreach (list, i, size, layer) {
                const char *digest = yyjson_get_str(layer);

                is_good = is_good && digest && text_starts_with(digest, "sha256:") &&
                          sha256_parse(digest, &layers[i]);
        }
        return is_good ? 0
                       : error_set(err, &ERROR_PEER_ANSWER, -EBADMSG,
                                   "`%s` has other layers of `%s` than its archive gives", peer->name,
                                   peer->id);
}

int peer_layers(struct peer *peer, struct sha256 *layers, size_t count, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        const char *headers[] = {peer->ticket, NULL};
        struct http_request request = {
                .headers = headers, .limit = CHUNKS_LIMIT, .stall_seconds = LIST_SECONDS};
        int ret = send(peer, "GET", "/layers", &request, &response, err);

        if (ret == 0 && response.status != 200)
                ret = refused(peer, &response, err);
        return ret < 0 ? ret : read_layers(peer, buffer_slice(&response.body), layers, count, err);
}

struct reading {
        const struct peer *peer;
        const char *digest; /* of the archive: its entity tag */
        uint64_t offset, size, got;
        peer_sink sink;
        void *context;
};

/* Is this the range that was asked for, of the archive that is meant? */
static bool is_the_range(const struct reading *reading, const struct http_response *response)
{
        const char *range = http_response_header(response, "Content-Range"),
                   *etag = http_response_header(response, "ETag");
        uint64_t first, last, total;
        size_t length = strlen(reading->digest);

        return response->status == 206 && range && http_content_range(range, &first, &last, &total) &&
               first == reading->offset && last - first + 1 == reading->size && etag && etag[0] == '"' &&
               strncmp(etag + 1, reading->digest, length) == 0 && strcmp(etag + 1 + length, "\"") == 0;
}

static int take(void *context, const struct http_response *response, struct slice bytes, struct error *err)
{
        struct reading *reading = context;

        if (!is_the_range(reading, response) || bytes.size > reading->size - reading->got)
                return error_set(err, &ERROR_PEER_ANSWER, -EBADMSG,
                                 "`%s` sent other bytes of `%s` than were asked for", reading->peer->name,
                                 reading->peer->id);
        reading->got += bytes.size;
        return reading->sink(reading->context, bytes, err);
}

int peer_read(struct peer *peer, const struct checkpoint *checkpoint, uint64_t offset, uint64_t size,
              peer_sink sink, void *context, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct reading reading = {peer, checkpoint->digest, offset, size, 0, sink, context};
        char range[64];
        const char *headers[] = {range, peer->ticket, NULL};
        struct http_request request = {.headers = headers, .sink = take, .context = &reading};
        int ret;

        snprintf(range, sizeof(range), "Range: bytes=%llu-%llu", (unsigned long long)offset,
                 (unsigned long long)(offset + size - 1));
        ret = send(peer, "GET", "/archive", &request, &response, err);
        if (ret == 0 && response.status != 206)
                ret = refused(peer, &response, err);
        if (ret == 0 && reading.got < size)
                ret = error_set(err, &ERROR_CONNECTION, -ECONNRESET, "`%s` ended its answer early",
                                peer->name);
        return ret;
}

int peer_chunk_is_bad(const struct peer *peer, const struct checkpoint *checkpoint,
                      const struct chunk_list *list, size_t chunk, struct error *err)
{
        uint64_t start = chunk * list->chunk_size, end = start + chunk_list_size_at(list, chunk) - 1;

        return error_set(err, &ERROR_CHUNK, -EBADMSG,
                         "chunk %zu of `%s` (bytes %llu to %llu), as `%s` sent it, does not have its digest",
                         chunk, checkpoint->id, (unsigned long long)start, (unsigned long long)end,
                         peer->name);
}

bool peer_error_is_passing(int ret, const struct error *err)
{
        return ret < 0 && (err->kind == &ERROR_CONNECTION || err->kind == &ERROR_HTTP_TIMEOUT ||
                           err->kind == &ERROR_HOST_UNKNOWN || err->kind == &ERROR_TLS_HANDSHAKE ||
                           err->kind == &ERROR_PEER);
}

void peer_end(struct peer *peer)
{
        _cleanup_http_response_ struct http_response response = {0};
        const char *headers[] = {peer->ticket, NULL};
        struct http_request request = {.headers = headers};

        if (peer->ticket)
                (void)send(peer, "DELETE", "/ticket", &request, &response, NULL);
}
