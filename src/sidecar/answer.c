/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/answer.h"

#include <errno.h>
#include "net/headers.h"

int respond_json(struct request *request, unsigned status, yyjson_mut_doc *taken, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = taken;
        _cleanup_buffer_ struct buffer text = {0};
        int ret = doc && yyjson_mut_doc_get_root(doc) ? json_write(doc, false, &text, err) : error_oom(err);

        if (ret == 0 && buffer_append_text(&text, "\n") < 0)
                ret = error_oom(err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, status, "application/json", buffer_slice(&text), err);
}

/* --- bodies -----------------------------------------------------------------------------------------------
 */

static int too_large(struct error *err)
{
        return error_set(err, &ERROR_HTTP_TOO_LARGE, -EFBIG, "the body has more than %u bytes",
                         (unsigned)BODY_MAX);
}

int body_begin(struct request *request, struct error *err)
{
        uint64_t size = request_body_size(request);
        struct buffer *body;

        if (size != UINT64_MAX && size > BODY_MAX)
                return too_large(err);
        body = calloc(1, sizeof(*body));
        if (!body)
                return error_oom(err);
        request_set_state(request, body);
        return 0;
}

int body_part(struct request *request, struct slice bytes, struct error *err)
{
        struct buffer *body = request_state(request);

        if (bytes.size > BODY_MAX - body->size)
                return too_large(err);
        return buffer_append(body, bytes.data, bytes.size) < 0 ? error_oom(err) : 0;
}

void body_free(void *state)
{
        buffer_free(state);
        free(state);
}

struct slice body_bytes(const struct request *request)
{
        const struct buffer *body = request_state(request);

        return body->size ? buffer_slice(body) : SLICE_TEXT("{}");
}

int body_parse(struct slice body, yyjson_doc **out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;

        if (json_parse(body, "body of the request", &doc, err) < 0)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the body is not JSON");
        if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "the body is not a JSON object");
        *out = steal_ptr(doc);
        return 0;
}

/* --- queries ----------------------------------------------------------------------------------------------
 */

int query_number(struct request *request, const char *name, unsigned fallback, unsigned most, unsigned *out,
                 struct error *err)
{
        const char *text = request_query(request, name);
        uint64_t number = fallback;

        if (text && (!http_number(text, &number) || number == 0 || number > most))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is a number from 1 to %u", name, most);
        *out = (unsigned)number;
        return 0;
}

int query_flag(struct request *request, const char *name, bool *out, struct error *err)
{
        const char *text = request_query(request, name);

        *out = text && strcmp(text, "true") == 0;
        if (!text || *out || strcmp(text, "false") == 0)
                return 0;
        return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`%s` is true or false", name);
}
