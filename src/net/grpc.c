/* SPDX-License-Identifier: Apache-2.0 */
#include "net/grpc.h"

#include <errno.h>
#include "net/client.h"
#include "net/headers.h"
#include "net/uri.h"

#define PREFIX_BYTES  5 /* compressed or not, and the length, most significant byte first */
#define GRACE_SECONDS 5 /* for the service to say by itself that the time is over */

struct grpc_channel {
        struct http_client *http;
        char socket[];
};

/* Status codes that mean something to us; the others are ERROR_GRPC. */
static const struct meaning {
        unsigned status;
        const struct error_kind *kind;
        int ret;
} meanings[] = {
        {4, &ERROR_TIMEOUT, -ETIMEDOUT},        /* DEADLINE_EXCEEDED */
        {5, &ERROR_NOT_FOUND, -ENOENT},         /* NOT_FOUND */
        {7, &ERROR_ACCESS, -EACCES},            /* PERMISSION_DENIED */
        {12, &ERROR_UNSUPPORTED, -ENOTSUP},     /* UNIMPLEMENTED */
        {14, &ERROR_CONNECTION, -ECONNREFUSED}, /* UNAVAILABLE */
        {16, &ERROR_ACCESS, -EACCES},           /* UNAUTHENTICATED */
};
static const struct meaning other = {0, &ERROR_GRPC, -EIO};

int grpc_channel_open(const char *socket, struct grpc_channel **out, struct error *err)
{
        _cleanup_grpc_channel_ struct grpc_channel *channel = NULL;
        struct http_client_options options = {.http2 = true};
        int ret;

        if (access(socket, F_OK) < 0) {
                ret = error_set(err, &ERROR_CONNECTION, -ENOENT, "nothing listens on `%s`: %s", socket,
                                strerror(errno));
                error_set_hint(err, "Check that the service runs, and where its socket is.");
                return ret;
        }
        channel = calloc(1, sizeof(*channel) + strlen(socket) + 1);
        if (!channel)
                return error_oom(err);
        strcpy(channel->socket, socket);
        options.socket = channel->socket;
        ret = http_client_new(&options, &channel->http, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(channel);
        return 0;
}

void grpc_channel_free(struct grpc_channel *channel)
{
        http_client_freep(&channel->http);
        free(channel);
}

int grpc_frame_append(struct slice message, struct buffer *out)
{
        uint8_t prefix[PREFIX_BYTES] = {0};

        if (message.size > UINT32_MAX)
                return -EFBIG;
        for (int i = 0; i < 4; i++)
                prefix[1 + i] = (uint8_t)(message.size >> (8 * (3 - i)));
        if (buffer_append(out, prefix, sizeof(prefix)) < 0)
                return -ENOMEM;
        return buffer_append(out, message.data, message.size);
}

int grpc_frame_read(struct slice body, struct slice *message)
{
        struct slice prefix;
        uint32_t size = 0;

        if (!slice_take(&body, PREFIX_BYTES, &prefix) || prefix.data[0] != 0)
                return -EBADMSG;
        for (int i = 0; i < 4; i++)
                size = size << 8 | prefix.data[1 + i];
        if (size != body.size)
                return -EBADMSG;
        *message = body;
        return 0;
}

int grpc_message_decode(const char *field, struct buffer *out)
{
        size_t start = out->size;
        int ret = uri_decode(SLICE_TEXT(field), false, out);

        if (ret == -EINVAL) {
                out->size = start;
                ret = buffer_append_text(out, field);
        }
        if (ret < 0)
                return ret;
        for (size_t i = start; i < out->size; i++)
                if (out->data[i] != '\n' && (out->data[i] < ' ' || out->data[i] > '~'))
                        out->data[i] = '?';
        return 0;
}

/* The service has refused: its words become ours. */
static int refusal(const struct grpc_channel *channel, const struct http_response *response, uint64_t status,
                   struct error *err)
{
        const char *field = http_response_header(response, "grpc-message");
        const struct meaning *meaning = &other;
        _cleanup_buffer_ struct buffer text = {0};
        int ret;

        for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
                if (meanings[i].status == status)
                        meaning = &meanings[i];
        if (grpc_message_decode(field && *field ? field : "it does not say why", &text) < 0)
                return error_oom(err);
        ret = error_set(err, meaning->kind, meaning->ret, "%.*s (gRPC status %llu from `%s`)",
                        (int)strcspn(buffer_text(&text), "\n"), buffer_text(&text),
                        (unsigned long long)status, channel->socket);
        if (strchr(buffer_text(&text), '\n'))
                error_set_log(err, buffer_text(&text));
        return ret;
}

static int answer_read(const struct grpc_channel *channel, const struct http_response *response,
                       struct buffer *out, struct error *err)
{
        const char *field = http_response_header(response, "grpc-status");
        struct slice message;
        uint64_t status;

        if (response->status != 200 || !field || !http_number(field, &status))
                return error_set(err, &ERROR_HTTP_PROTOCOL, -EBADMSG,
                                 "`%s` gave no answer of gRPC (HTTP status %u)", channel->socket,
                                 response->status);
        if (status != 0)
                return refusal(channel, response, status, err);
        if (grpc_frame_read(buffer_slice(&response->body), &message) < 0)
                return error_set(err, &ERROR_HTTP_PROTOCOL, -EBADMSG,
                                 "the answer of `%s` is not one whole message", channel->socket);
        out->size = 0;
        return buffer_append(out, message.data, message.size) < 0 ? error_oom(err) : 0;
}

int grpc_channel_call(struct grpc_channel *channel, const struct grpc_call *call, struct buffer *out,
                      struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_buffer_ struct buffer body = {0}, url = {0};
        char deadline[32];
        const char *headers[5] = {"Content-Type: application/grpc", "TE: trailers"};
        size_t count = 2;
        struct http_request request = {.method = "POST", .headers = headers, .has_body = true};
        int ret;

        snprintf(deadline, sizeof(deadline), "grpc-timeout: %uS", call->seconds);
        if (call->seconds)
                headers[count++] = deadline;
        if (call->metadata)
                headers[count++] = call->metadata;
        if (buffer_printf(&url, "http://localhost%s", call->method) < 0 ||
            grpc_frame_append(call->message, &body) < 0)
                return error_oom(err);
        request.url = buffer_text(&url);
        request.body = buffer_slice(&body);
        request.limit = PREFIX_BYTES + call->limit;
        request.stall_seconds = call->seconds ? call->seconds + GRACE_SECONDS : HTTP_STALL_NEVER;
        ret = http_client_send(channel->http, &request, &response, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", channel->socket);
        return answer_read(channel, &response, out, err);
}
