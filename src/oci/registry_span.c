/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "net/headers.h"
#include "oci/registry_private.h"

#define STATUS_PARTIAL 206

/* One answer to a request for a span. */
struct span_answer {
        const struct registry *registry;
        const struct descriptor *blob;
        struct span *span;
        uint64_t skip; /* bytes to pass over: the registry knows no ranges */
        bool began;
};

static int wrong_size(const struct registry *registry, uint64_t size, uint64_t expected, struct error *err)
{
        return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                         "a blob of `%s` has %llu bytes where its descriptor says %llu", registry->name,
                         (unsigned long long)size, (unsigned long long)expected);
}

/* Is it the part that was asked for, of a blob of the right size? */
static int answer_begin(struct span_answer *answer, const struct http_response *response, struct error *err)
{
        const char *range = http_response_header(response, "Content-Range");
        const char *length = http_response_header(response, "Content-Length");
        uint64_t first, last, total = answer->blob->size;
        bool has_ranges = response->status == STATUS_PARTIAL;

        if (has_ranges) {
                if (!range || !http_content_range(range, &first, &last, &total) || first != answer->span->at)
                        return error_set(err, &ERROR_REGISTRY_ANSWER, -EBADMSG,
                                         "`%s` sends another part of a blob than was asked for",
                                         answer->registry->name);
                if (total == UINT64_MAX)
                        total = answer->blob->size;
        } else {
                answer->skip = answer->span->at;
                if (length && !http_number(length, &total))
                        total = answer->blob->size;
        }
        if (total != answer->blob->size)
                return wrong_size(answer->registry, total, answer->blob->size, err);
        answer->began = true;
        if (answer->span->began)
                answer->span->began(answer->span, has_ranges);
        return 0;
}

static int answer_take(void *context, const struct http_response *response, struct slice bytes,
                       struct error *err)
{
        struct span_answer *answer = context;
        struct span *span = answer->span;
        struct slice skipped;
        bool has_more;
        int ret = answer->began ? 0 : answer_begin(answer, response, err);

        if (ret < 0)
                return ret;
        if (answer->skip) {
                slice_take(&bytes, answer->skip < bytes.size ? (size_t)answer->skip : bytes.size, &skipped);
                answer->skip -= skipped.size;
        }
        has_more = bytes.size > span->end - span->at;
        if (has_more)
                bytes.size = (size_t)(span->end - span->at);
        ret = bytes.size ? span->take(span->context, span->at, bytes, err) : 0;
        if (ret < 0)
                return ret;
        span->at += bytes.size;
        return has_more ? -EXFULL : 0; /* the rest of the blob is not wanted */
}

static bool answer_is_over(void *context)
{
        const struct span *span = ((struct span_answer *)context)->span;

        return span->is_over && span->is_over(span->context);
}

/* 1: everything has come. */
static int attempt(struct registry *registry, const struct descriptor *blob, const char *path,
                   struct span *span, struct http_response *response, struct error *err)
{
        struct span_answer answer = {.registry = registry, .blob = blob, .span = span};
        char range[64];
        const struct registry_call call = {.method = "GET",
                                           .path = path,
                                           .actions = "pull",
                                           .headers = {range},
                                           .sink = answer_take,
                                           .is_over = answer_is_over,
                                           .context = &answer};
        int ret;

        snprintf(range, sizeof(range), "Range: bytes=%llu-%llu", (unsigned long long)span->at,
                 (unsigned long long)span->end - 1);
        http_response_free(response);
        ret = registry_exchange(registry, &call, response, err);
        if (span->at == span->end)
                return 1;
        if (ret == 0 && response->status / 100 == 2)
                return wrong_size(registry, span->at, blob->size, err);
        return ret;
}

int registry_span_fetch(struct registry *registry, const struct descriptor *blob, struct span *span,
                        struct error *err)
{
        _cleanup_free_ char *path = registry_blob_path(registry, &blob->digest);
        _cleanup_http_response_ struct http_response response = {0};
        struct retry retry = {.is_over = span->is_over, .context = span->context};

        if (!path)
                return error_oom(err);
        while (span->at < span->end) {
                uint64_t before = span->at;
                int ret = attempt(registry, blob, path, span, &response, err), pause;

                if (ret > 0)
                        break;
                if (span->at > before)
                        retry.failures = 0;
                if (ret == 0 && !retry_is_worth(registry, ret, &response))
                        return registry_refusal(registry, &response, "get a blob", err);
                if (!retry_is_worth(registry, ret, &response))
                        return ret;
                pause = retry_pause(&retry, registry, ret == 0 ? &response : NULL, err);
                if (pause == -ENODATA)
                        return ret < 0 ? ret : registry_refusal(registry, &response, "get a blob", err);
                if (pause < 0)
                        return pause;
        }
        return 0;
}
