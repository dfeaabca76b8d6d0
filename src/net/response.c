/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include "base/file.h"
#include "base/json.h"
#include "net/range.h"
#include "net/server_private.h"

/* Of a stream that is read at once; each answer has one such buffer. */
#define STREAM_BLOCK (128 * KIB)

static void free_headers(struct request *request)
{
        while (request->headers) {
                struct header *next = request->headers->next;

                free(request->headers->name);
                free(request->headers->value);
                free(request->headers);
                request->headers = next;
        }
}

void request_free_response(struct request *request)
{
        free_headers(request);
        if (request->response)
                microhttpd.MHD_destroy_response(request->response);
}

static bool is_header_value(const char *value)
{
        for (; *value; value++)
                if ((uint8_t)*value < ' ' || *value == 0x7f)
                        return false;
        return true;
}

int request_set_header(struct request *request, struct error *err, const char *name, const char *format, ...)
{
        struct header *header = calloc(1, sizeof(*header));
        va_list args;

        if (!header)
                return error_oom(err);
        header->next = request->headers;
        request->headers = header;
        header->name = strdup(name);
        va_start(args, format);
        if (vasprintf(&header->value, format, args) < 0)
                header->value = NULL;
        va_end(args);
        if (header->name && header->value && is_header_value(header->value))
                return 0;
        request->headers = header->next;
        free(header->name);
        free(header->value);
        free(header);
        return error_set(err, &ERROR_HTTP_REQUEST, -EINVAL, "the header %s cannot be sent", name);
}

/* Takes `response`; NULL is out of memory. */
static int respond(struct request *request, unsigned status, const char *type, struct MHD_Response *response,
                   struct error *err)
{
        const struct server_options *options = &request->server->options;
        bool ok = response != NULL;

        if (!response)
                return error_oom(err);
        if (request->response) {
                microhttpd.MHD_destroy_response(response);
                return error_set(err, &ERROR_INTERNAL, -EALREADY, "the request was answered twice");
        }
        request->response = response;
        request->status = status;
        if (type)
                ok = microhttpd.MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        for (size_t i = 0; i < options->header_count && ok; i++)
                ok = microhttpd.MHD_add_response_header(response, options->headers[i].name,
                                                        options->headers[i].value);
        for (const struct header *each = request->headers; each && ok; each = each->next)
                ok = microhttpd.MHD_add_response_header(response, each->name, each->value);
        free_headers(request);
        return ok ? 0 : error_oom(err);
}

int request_respond_status(struct request *request, unsigned status, struct error *err)
{
        return respond(request, status, NULL, microhttpd.MHD_create_response_empty(MHD_RF_NONE), err);
}

int request_respond_bytes(struct request *request, unsigned status, const char *type, struct slice bytes,
                          struct error *err)
{
        return respond(
                request, status, type,
                microhttpd.MHD_create_response_from_buffer_copy(bytes.size, bytes.data ?: (const void *)""),
                err);
}

char *response_text(const char *text, char *out, size_t size)
{
        size_t i;

        for (i = 0; text[i] && i < size - 1; i++)
                out[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
        out[i] = '\0';
        return out;
}

int request_respond_error(struct request *request, const struct error *error, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        char plain[sizeof(error->text)], hint[sizeof(error->hint)];
        yyjson_mut_val *root, *object;
        int ret;

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        object = yyjson_mut_obj_add_obj(doc, root, "error");
        yyjson_mut_obj_add_str(doc, object, "code", error_code(error));
        yyjson_mut_obj_add_str(doc, object, "text", response_text(error->text, plain, sizeof(plain)));
        yyjson_mut_obj_add_str(doc, object, "hint", response_text(error_hint(error), hint, sizeof(hint)));
        ret = json_write(doc, false, &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request,
                                               error->kind ? (unsigned)error->kind->http_status : 500,
                                               "application/json", buffer_slice(&text), err);
}

/* --- files ------------------------------------------------------------------------------------------------
 */

/* Has the list of entity tags in a header this one? ("*" does not count: it says nothing of ours.) */
static bool names_etag(const char *header, const char *etag)
{
        size_t size = strlen(etag);

        for (const char *at = header; at && (at = strstr(at, etag)); at += size)
                if (at > header && at[-1] == '"' && at[size] == '"')
                        return true;
        return false;
}

/* What is to be sent of the file: RANGE_NONE is all of it. */
static enum range_result range_of(const struct request *request, const char *etag, uint64_t size,
                                  struct range *out)
{
        const char *condition = request_header(request, MHD_HTTP_HEADER_IF_RANGE);

        *out = (struct range){0, size};
        if (strcmp(request->method, MHD_HTTP_METHOD_GET) != 0 || (condition && !names_etag(condition, etag)))
                return RANGE_NONE;
        return range_parse(request_header(request, MHD_HTTP_HEADER_RANGE), size, out);
}

static bool is_known(const struct request *request, const char *etag)
{
        return names_etag(request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH), etag);
}

bool request_wants_whole(const struct request *request, const char *etag, uint64_t size)
{
        struct range range;

        return strcmp(request->method, MHD_HTTP_METHOD_GET) == 0 && !is_known(request, etag) &&
               range_of(request, etag, size, &range) == RANGE_NONE;
}

/* A part of a file that goes through TLS, which cannot be sent by sendfile: libmicrohttpd would read and
 * encrypt it in pieces of 4 KiB. */
struct file_part {
        int fd;
        uint64_t offset;
};

static ssize_t file_part_read(void *context, uint64_t offset, char *data, size_t size)
{
        const struct file_part *part = context;
        ssize_t n = file_pread_full(part->fd, data, size, part->offset + offset);

        /* Of a file that became shorter, the rest must not be left out in silence. */
        return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void file_part_free(void *context)
{
        struct file_part *part = context;

        close(part->fd);
        free(part);
}

/* Takes `*fd` when it succeeds. NULL: out of memory. */
static struct MHD_Response *file_response(const struct request *request, const struct range *range, int *fd)
{
        struct MHD_Response *response;
        struct file_part *part;

        if (!request->server->tls) {
                response =
                        microhttpd.MHD_create_response_from_fd_at_offset64(range->size, *fd, range->offset);
                if (response)
                        (void)steal_fd(fd);
                return response;
        }
        part = malloc(sizeof(*part));
        if (!part)
                return NULL;
        *part = (struct file_part){steal_fd(fd), range->offset};
        response = microhttpd.MHD_create_response_from_callback(range->size, STREAM_BLOCK, file_part_read,
                                                                part, file_part_free);
        if (!response)
                file_part_free(part);
        return response;
}

static int respond_range(struct request *request, const char *type, const struct range *range,
                         enum range_result part, uint64_t size, int *fd, struct error *err)
{
        int ret = 0;

        if (part == RANGE_PART)
                ret = request_set_header(request, err, MHD_HTTP_HEADER_CONTENT_RANGE, "bytes %llu-%llu/%llu",
                                         (unsigned long long)range->offset,
                                         (unsigned long long)(range->offset + range->size - 1),
                                         (unsigned long long)size);
        if (ret < 0)
                return ret;
        return respond(request, part == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, type,
                       file_response(request, range, fd), err);
}

int request_respond_file(struct request *request, const char *type, const char *etag, int taken,
                         uint64_t size, struct error *err)
{
        _cleanup_close_ int fd = taken;
        struct range range;
        enum range_result part = range_of(request, etag, size, &range);
        int ret = request_set_header(request, err, MHD_HTTP_HEADER_ETAG, "\"%s\"", etag);

        if (ret == 0)
                ret = request_set_header(request, err, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
        if (ret < 0)
                return ret;
        if (is_known(request, etag))
                return request_respond_status(request, MHD_HTTP_NOT_MODIFIED, err);
        if (part != RANGE_UNSATISFIABLE)
                return respond_range(request, type, &range, part, size, &fd, err);
        ret = request_set_header(request, err, MHD_HTTP_HEADER_CONTENT_RANGE, "bytes */%llu",
                                 (unsigned long long)size);
        return ret < 0 ? ret : request_respond_status(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, err);
}

/* --- streams ----------------------------------------------------------------------------------------------
 */

static ssize_t stream_read(void *context, uint64_t offset, char *data, size_t size)
{
        const struct response_source *source = context;
        ssize_t n = source->read(source->context, offset, data, size);

        if (n < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void stream_free(void *context)
{
        struct response_source *source = context;

        if (source->free)
                source->free(source->context);
        free(source);
}

int request_respond_stream(struct request *request, unsigned status, const char *type, uint64_t size,
                           const struct response_source *source, struct error *err)
{
        struct response_source *copy = malloc(sizeof(*copy));
        struct MHD_Response *response;

        if (!copy) {
                if (source->free)
                        source->free(source->context);
                return error_oom(err);
        }
        *copy = *source;
        response = microhttpd.MHD_create_response_from_callback(
                size == RESPONSE_SIZE_UNKNOWN ? MHD_SIZE_UNKNOWN : size, STREAM_BLOCK, stream_read, copy,
                stream_free);
        if (!response)
                stream_free(copy);
        return respond(request, status, type, response, err);
}
