/* SPDX-License-Identifier: Apache-2.0 */
/* An archive on a node, read where it lies: only what is asked for travels. */
#include <errno.h>
#include "archive/remote_buffer.h"
#include "cli/node_internal.h"
#include "net/headers.h"
#include "net/url.h"
#include "program/memory.h"

struct node_archive {
        char *path; /* of the request */
        char *etag; /* the digest, quoted: another archive than the one we began with is refused */
        char *name; /* as it was typed */
        uint64_t size;
};

struct reading {
        const struct node_archive *archive;
        uint64_t offset;
        uint8_t *data;
        size_t size, got;
};

static int take(void *context, const struct http_response *response, struct slice bytes, struct error *err)
{
        struct reading *reading = context;
        const char *range = http_response_header(response, "Content-Range"),
                   *etag = http_response_header(response, "ETag");
        uint64_t first, last, total;

        if (response->status != 206 || !range || !http_content_range(range, &first, &last, &total) ||
            first != reading->offset || total != reading->archive->size || !etag ||
            strcmp(etag, reading->archive->etag) != 0 || bytes.size > reading->size - reading->got)
                return error_set(err, &ERROR_NODE, -EBADMSG,
                                 "the node sent other bytes of `%s` than were asked for",
                                 reading->archive->name);
        memcpy(reading->data + reading->got, bytes.data, bytes.size);
        reading->got += bytes.size;
        return 0;
}

static int archive_read_range(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct reading reading = {context, offset, data, size, 0};
        struct http_request request = {.method = "GET", .sink = take, .context = &reading};
        char range[64];
        int ret;

        snprintf(range, sizeof(range), "Range: bytes=%llu-%llu", (unsigned long long)offset,
                 (unsigned long long)(offset + size - 1));
        ret = node_send(reading.archive->path, range, &request, &response, err);
        if (ret == 0 && reading.got < size)
                ret = error_set(err, &ERROR_NODE, -EBADMSG, "the node sent too little of `%s`",
                                reading.archive->name);
        return ret;
}

static void archive_release(void *context)
{
        struct node_archive *archive = context;

        free(archive->path);
        free(archive->etag);
        free(archive->name);
        free(archive);
}

static struct node_archive *node_archive_new(const char *name, yyjson_val *checkpoint)
{
        struct node_archive *archive = memory_grow(NULL, 1, sizeof(*archive));
        _cleanup_buffer_ struct buffer path = {0};

        memory_check(buffer_append_text(&path, "/checkpoints/"));
        memory_check(url_escape(&path, json_text_or(checkpoint, "id", "")));
        memory_check(buffer_append_text(&path, "/archive"));
        *archive = (struct node_archive){.path = memory_copy(buffer_text(&path)),
                                         .name = memory_copy(name),
                                         .size = json_uint_or(checkpoint, "size", 0)};
        memory_check(asprintf(&archive->etag, "\"%s\"", json_text_or(checkpoint, "digest", "")));
        return archive;
}

int node_open_archive(const char *name, struct archive **out, struct error *err)
{
        _cleanup_json_ yyjson_doc *checkpoint = NULL;
        struct archive_remote direct = {archive_read_range, archive_release, NULL}, buffered;
        uint64_t size;
        int ret = node_checkpoint(name, &checkpoint, err);

        if (ret < 0)
                return ret;
        direct.context = node_archive_new(name, yyjson_doc_get_root(checkpoint));
        size = ((struct node_archive *)direct.context)->size;
        ret = remote_buffer_new(&direct, size, &buffered, err);
        return ret < 0 ? ret : archive_open_remote(name, &buffered, size, out, err);
}
