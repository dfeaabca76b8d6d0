/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch_request.h"

#include <errno.h>
#include "node/fetch.h"

#define PATIENCE_MAX 86400
#define ID_TEXT_MAX  64
#define ID_LETTERS   "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"

static int check_digest(yyjson_val *request, const char *key, struct error *err)
{
        const char *text = json_text(request, key);
        struct sha256 digest;

        if (!yyjson_obj_get(request, key) ||
            (text && text_starts_with(text, "sha256:") && sha256_parse(text, &digest)))
                return 0;
        return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is not a SHA-256 digest", key);
}

int fetch_request_check(const struct node_options *node, yyjson_val *request, struct error *err)
{
        const char *id = json_text(request, "id");
        _cleanup_peer_ struct peer *peer = NULL;
        struct peer_options options;
        int ret;

        if (!json_text(request, "url") || !id || !id[0] || strlen(id) > ID_TEXT_MAX ||
            id[strspn(id, ID_LETTERS)])
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "a fetch needs `url` and `id`");
        if (json_uint_or(request, "patience", 1) - 1 >= PATIENCE_MAX)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "`patience` is a number of seconds from 1 to %d", PATIENCE_MAX);
        ret = check_digest(request, "digest", err);
        if (ret == 0)
                ret = check_digest(request, "chunks", err);
        if (ret < 0)
                return ret;
        fetch_request_peer(node, request, NULL, &options);
        return peer_open(&options, &peer, err);
}

static const char *given(const char *text)
{
        return *text ? text : NULL;
}

void fetch_request_peer(const struct node_options *node, yyjson_val *request, const struct progress *progress,
                        struct peer_options *out)
{
        *out = (struct peer_options){.url = json_text(request, "url"),
                                     .id = json_text(request, "id"),
                                     .ticket = json_text(request, "ticket"),
                                     .ca_file = given(node->peer_ca),
                                     .certificate = given(node->peer_certificate),
                                     .key = given(node->peer_key),
                                     .progress = progress};
}

unsigned fetch_request_patience(yyjson_val *request)
{
        return (unsigned)json_uint_or(request, "patience", FETCH_PATIENCE);
}

int fetch_request_compare(const char *expected, const char *actual, const char *what, struct error *err)
{
        if (!expected || strcmp(expected, actual) == 0)
                return 0;
        return error_set(err, &ERROR_CHUNK, -EBADMSG,
                         "the %s that the other node has is not the one that was asked for", what);
}

int fetch_request_bind(yyjson_val *request, const struct checkpoint *checkpoint,
                       const struct chunk_list *list, char chunks[CHUNKS_TEXT_SIZE], struct error *err)
{
        struct sha256 digest;
        int ret = chunk_list_digest(list, &digest, err);

        if (ret < 0)
                return ret;
        memcpy(chunks, "sha256:", 7);
        sha256_hex(&digest, chunks + 7);
        ret = fetch_request_compare(json_text(request, "chunks"), chunks, "list of chunks", err);
        if (ret == 0)
                ret = fetch_request_compare(json_text(request, "digest"), checkpoint->digest, "archive", err);
        if (ret == 0 && (list->size != checkpoint->size || !sha256_parse(checkpoint->digest, &digest)))
                ret = error_set(err, &ERROR_PEER_ANSWER, -EBADMSG,
                                "the other node contradicts itself about `%s`", checkpoint->id);
        return ret;
}
