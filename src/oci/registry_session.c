/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_session.h"

#include <errno.h>
#include "net/headers.h"

#define PIECE_FLOOR    (256 * KIB) /* smaller ones are not tried when a registry finds them too large */
#define COMMIT_SECONDS 900         /* some registries read all of it again before they answer */

enum {
        STATUS_CREATED = 201,
        STATUS_ACCEPTED = 202,
        STATUS_NO_CONTENT = 204,
        STATUS_BAD_REQUEST = 400,
        STATUS_NOT_FOUND = 404,
        STATUS_LENGTH_REQUIRED = 411,
        STATUS_TOO_LARGE = 413,
        STATUS_RANGE = 416,
        STATUS_NOT_IMPLEMENTED = 501
};

bool session_range_parse(const char *field, uint64_t *size)
{
        const char *last = strchr(field, '-');
        uint64_t n;

        if (text_starts_with(field, "bytes="))
                field += strlen("bytes=");
        if (!last || last != field + 1 || *field != '0' || !http_number(last + 1, &n) || n == UINT64_MAX)
                return false;
        /* What has nothing yet says "0-0" as well; nobody sends single bytes. */
        *size = n ? n + 1 : 0;
        return true;
}

static int lost(const struct upload_session *session, struct error *err)
{
        return error_set(err, &ERROR_REGISTRY_UPLOAD_LOST, -ESTALE,
                         "`%s` no longer has what was sent before the connection broke",
                         session->registry->name);
}

/* Where an answer says that the upload goes on. */
static int location_take(struct upload_session *session, const struct http_response *response,
                         struct error *err)
{
        const char *field = http_response_header(response, "Location");
        char *location;
        int ret;

        if (!field)
                return session->location
                               ? 0
                               : error_set(err, &ERROR_REGISTRY_ANSWER, -EIO,
                                           "`%s` does not say where to upload to", session->registry->name);
        ret = registry_resolve(session->registry, session->location, field, &location, err);
        if (ret < 0)
                return ret;
        free(session->location);
        session->location = location;
        return 0;
}

int session_open(struct upload_session *session, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *path = NULL;
        struct registry_call call = {.method = "POST",
                                     .actions = "pull,push",
                                     .has_body = true,
                                     .is_over = session->is_over,
                                     .context = session->context,
                                     .limit = HTTP_BODY_MAX};
        const char *minimum;
        int ret;

        if (asprintf(&path, "%s/blobs/uploads/", session->registry->repository) < 0) {
                path = NULL;
                return error_oom(err);
        }
        call.path = path;
        ret = registry_request(session->registry, &call, &response, err);
        if (ret < 0)
                return ret;
        if (response.status != STATUS_ACCEPTED)
                return registry_refusal(session->registry, &response, "begin an upload", err);
        free(steal_ptr(session->location));
        session->offset = 0;
        minimum = http_response_header(&response, "OCI-Chunk-Min-Length");
        if (!minimum || !http_number(minimum, &session->piece_min))
                session->piece_min = 0;
        return location_take(session, &response, err);
}

/* --- where it stands ----------------------------------------------------------------------------------- */

/* Asks how much has arrived. */
static int session_ask(struct upload_session *session, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        const struct registry_call call = {.method = "GET",
                                           .url = session->location,
                                           .actions = "pull,push",
                                           .is_over = session->is_over,
                                           .context = session->context,
                                           .limit = HTTP_BODY_MAX};
        const char *range;
        int ret = registry_request(session->registry, &call, &response, err);

        if (ret < 0)
                return ret;
        range = http_response_header(&response, "Range");
        if (response.status / 100 != 2 || !range || !session_range_parse(range, &session->offset))
                return lost(session, err);
        return location_take(session, &response, err);
}

/* --- PATCH --------------------------------------------------------------------------------------------- */

static size_t piece_size(const struct upload_session *session, size_t size)
{
        return size < session->piece_max ? size : (size_t)session->piece_max;
}

static int patch(struct upload_session *session, struct slice piece, struct http_response *response,
                 struct error *err)
{
        char range[64];
        const struct registry_call call = {.method = "PATCH",
                                           .url = session->location,
                                           .actions = "pull,push",
                                           .headers = {"Content-Type: application/octet-stream", range},
                                           .has_body = true,
                                           .body = piece,
                                           .is_over = session->is_over,
                                           .context = session->context,
                                           .limit = HTTP_BODY_MAX};

        snprintf(range, sizeof(range), "Content-Range: %llu-%llu", (unsigned long long)session->offset,
                 (unsigned long long)(session->offset + piece.size - 1));
        http_response_free(response);
        return registry_exchange(session->registry, &call, response, err);
}

/* The registry took the piece, or a part of it. */
static int patch_accepted(struct upload_session *session, size_t size, const struct http_response *response,
                          struct error *err)
{
        const char *range = http_response_header(response, "Range");
        uint64_t offset;

        if (!range || !session_range_parse(range, &offset))
                offset = session->offset + size;
        if (offset <= session->offset || offset > session->offset + size)
                return error_set(err, &ERROR_REGISTRY_ANSWER, -EIO,
                                 "`%s` says that it has another part of an upload than it was sent",
                                 session->registry->name);
        session->offset = offset;
        return location_take(session, response, err);
}

/* Halves the pieces. */
static int piece_shrink(struct upload_session *session, const struct http_response *response,
                        struct error *err)
{
        if (session->piece_max / 2 < PIECE_FLOOR || session->piece_max / 2 < session->piece_min)
                return registry_refusal(session->registry, response, "upload a blob", err);
        session->piece_max /= 2;
        return 0;
}

/* After an attempt that failed: waits and finds out how far it came. */
static int recover(struct upload_session *session, struct retry *retry, int ret,
                   const struct http_response *response, struct error *err)
{
        int pause = retry_pause(retry, session->registry, ret == 0 ? response : NULL, err);

        if (pause == -ENODATA)
                return ret < 0 ? ret : registry_refusal(session->registry, response, "upload a blob", err);
        return pause < 0 ? pause : session_ask(session, err);
}

int session_send(struct upload_session *session, struct slice bytes, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        uint64_t before = session->offset;
        struct retry retry = {.is_over = session->is_over, .context = session->context};

        while (session->offset == before) {
                struct slice piece = {bytes.data, piece_size(session, bytes.size)};
                int ret = patch(session, piece, &response, err);

                if (ret == 0 && response.status / 100 == 2)
                        ret = patch_accepted(session, piece.size, &response, err);
                else if (ret == 0 && response.status == STATUS_TOO_LARGE)
                        ret = piece_shrink(session, &response, err);
                else if (retry_is_worth(session->registry, ret, &response) ||
                         (ret == 0 && response.status == STATUS_RANGE))
                        ret = recover(session, &retry, ret, &response, err);
                else if (ret == 0 && response.status == STATUS_NOT_FOUND)
                        ret = lost(session, err);
                else if (ret == 0)
                        ret = registry_refusal(session->registry, &response, "upload a blob", err);
                if (ret < 0)
                        return ret;
        }
        return session->offset > before + bytes.size ? lost(session, err) : 0;
}

/* --- PATCH without a length ------------------------------------------------------------------------------
 */

struct streaming {
        struct upload_session *session;
        upload_source source;
        uint64_t end; /* offset in the blob up to which bytes were taken from the source */
        bool ended;   /* and there are no more */
};

static ssize_t stream_source(void *context, uint64_t at, void *data, size_t size, struct error *err)
{
        struct streaming *streaming = context;
        uint64_t offset = streaming->session->offset + at;
        ssize_t n = streaming->source(streaming->session->context, offset, data, size, err);

        if (n > 0)
                streaming->end = offset + (uint64_t)n;
        streaming->ended = n == 0;
        return n;
}

static bool stream_is_over(void *context)
{
        struct upload_session *session = ((struct streaming *)context)->session;

        return session->is_over && session->is_over(session->context);
}

static int stream_once(struct streaming *streaming, struct http_response *response, struct error *err)
{
        const struct registry_call call = {.method = "PATCH",
                                           .url = streaming->session->location,
                                           .actions = "pull,push",
                                           .headers = {"Content-Type: application/octet-stream"},
                                           .has_body = true,
                                           .source = stream_source,
                                           .is_over = stream_is_over,
                                           .context = streaming,
                                           .limit = HTTP_BODY_MAX};

        http_response_free(response);
        streaming->end = streaming->session->offset;
        return registry_exchange(streaming->session->registry, &call, response, err);
}

/* Some registries, and proxies before them, want to know how long a request will be, or limit it. */
static bool refuses_streams(const struct http_response *response)
{
        return response->status == STATUS_BAD_REQUEST || response->status == STATUS_LENGTH_REQUIRED ||
               response->status == STATUS_TOO_LARGE || response->status == STATUS_NOT_IMPLEMENTED;
}

/* All went out; the registry says whether all came in. */
static int stream_accepted(struct streaming *streaming, const struct http_response *response,
                           struct error *err)
{
        struct upload_session *session = streaming->session;
        uint64_t size = streaming->end - session->offset;

        return size ? patch_accepted(session, (size_t)size, response, err)
                    : location_take(session, response, err);
}

int session_stream(struct upload_session *session, upload_source source, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct streaming streaming = {.session = session, .source = source};
        struct retry retry = {.is_over = session->is_over, .context = session->context};

        for (;;) {
                uint64_t before = session->offset;
                int ret = stream_once(&streaming, &response, err);

                if (ret == 0 && response.status / 100 == 2) {
                        ret = stream_accepted(&streaming, &response, err);
                } else if (ret == 0 && refuses_streams(&response)) {
                        ret = session_ask(session, err);
                        return ret < 0 ? ret : -EFBIG;
                } else if (ret != -ESTALE && (retry_is_worth(session->registry, ret, &response) ||
                                              (ret == 0 && response.status == STATUS_RANGE))) {
                        ret = recover(session, &retry, ret, &response, err);
                } else if (ret == 0 && response.status == STATUS_NOT_FOUND) {
                        ret = lost(session, err);
                } else if (ret == 0) {
                        ret = registry_refusal(session->registry, &response, "upload a blob", err);
                }
                if (ret < 0 || (streaming.ended && session->offset == streaming.end))
                        return ret;
                if (session->offset > before)
                        retry.failures = 0;
        }
}

/* --- PUT ----------------------------------------------------------------------------------------------- */

static int put(struct upload_session *session, struct slice rest, const struct descriptor *blob,
               struct http_response *response, struct error *err)
{
        struct registry_call call = {.method = "PUT",
                                     .actions = "pull,push",
                                     .headers = {"Content-Type: application/octet-stream"},
                                     .has_body = true,
                                     .body = rest,
                                     .is_over = session->is_over,
                                     .context = session->context,
                                     .limit = HTTP_BODY_MAX,
                                     .stall_seconds = COMMIT_SECONDS};
        char hex[SHA256_HEX_SIZE];
        _cleanup_free_ char *url = NULL;

        if (asprintf(&url, "%s%sdigest=sha256%%3A%s", session->location,
                     strchr(session->location, '?') ? "&" : "?", sha256_hex(&blob->digest, hex)) < 0) {
                url = NULL;
                return error_oom(err);
        }
        call.url = url;
        http_response_free(response);
        return registry_exchange(session->registry, &call, response, err);
}

static int put_refused(const struct upload_session *session, const struct http_response *response,
                       struct error *err)
{
        if (registry_refusal_has(response, "DIGEST_INVALID"))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                                 "`%s` received other bytes than were sent to it", session->registry->name);
        return registry_refusal(session->registry, response, "end an upload", err);
}

/* The answer was lost, or is that the upload is unknown: perhaps because it had ended before. 1: the blob is
 * there; 0: try again. */
static int put_check(struct upload_session *session, const struct descriptor *blob, struct error *err)
{
        uint64_t before = session->offset;
        bool exists = false;
        int ret = registry_blob_exists(session->registry, blob, &exists, err);

        if (ret < 0 || exists)
                return ret < 0 ? ret : 1;
        ret = session_ask(session, err);
        return ret == 0 && session->offset != before ? lost(session, err) : ret;
}

int session_close(struct upload_session *session, struct slice rest, const struct descriptor *blob,
                  struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct retry retry = {.is_over = session->is_over, .context = session->context};

        for (;;) {
                int ret = put(session, rest, blob, &response, err), pause;
                bool is_unknown = ret == 0 && response.status == STATUS_NOT_FOUND;

                if (ret == 0 && (response.status == STATUS_CREATED || response.status == STATUS_NO_CONTENT)) {
                        free(steal_ptr(session->location));
                        return 0;
                }
                if (!is_unknown && !retry_is_worth(session->registry, ret, &response))
                        return ret < 0 ? ret : put_refused(session, &response, err);
                pause = retry_pause(&retry, session->registry, ret == 0 ? &response : NULL, err);
                if (pause == -ENODATA)
                        return ret < 0 ? ret : put_refused(session, &response, err);
                ret = pause < 0 ? pause : put_check(session, blob, err);
                if (ret > 0)
                        free(steal_ptr(session->location));
                if (ret != 0)
                        return ret < 0 ? ret : 0;
        }
}

void session_cancel(struct upload_session *session)
{
        _cleanup_http_response_ struct http_response ignored = {0};
        const struct registry_call call = {
                .method = "DELETE", .url = session->location, .actions = "pull,push", .limit = HTTP_BODY_MAX};

        if (session->location)
                (void)registry_exchange(session->registry, &call, &ignored, NULL);
        free(steal_ptr(session->location));
}
