/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "net/headers.h"
#include "net/url.h"
#include "oci/registry_private.h"

char *registry_blob_path(const struct registry *registry, const struct sha256 *digest)
{
        char hex[SHA256_HEX_SIZE], *path;

        return asprintf(&path, "%s/blobs/sha256:%s", registry->repository, sha256_hex(digest, hex)) < 0
                       ? NULL
                       : path;
}

int registry_blob_exists(struct registry *registry, const struct descriptor *blob, bool *exists,
                         struct error *err)
{
        _cleanup_free_ char *path = registry_blob_path(registry, &blob->digest);
        _cleanup_http_response_ struct http_response response = {0};
        const struct registry_call call = {.method = "HEAD", .path = path, .actions = "pull"};
        const char *length;
        uint64_t size;
        int ret;

        if (!path)
                return error_oom(err);
        ret = registry_request(registry, &call, &response, err);
        if (ret < 0)
                return ret;
        *exists = response.status == 200;
        if (!*exists)
                return response.status == 404 ? 0
                                              : registry_refusal(registry, &response, "look for a blob", err);
        length = http_response_header(&response, "Content-Length");
        /* One that was cut short is as good as none. */
        *exists = !length || (http_number(length, &size) && size == blob->size);
        return 0;
}

/* Closes the upload that a registry opened in place of a mount. */
static void mount_undo(struct registry *registry, const struct http_response *response)
{
        const char *location = http_response_header(response, "Location");
        _cleanup_free_ char *url = NULL;
        _cleanup_http_response_ struct http_response ignored = {0};
        struct registry_call call = {.method = "DELETE", .actions = "pull,push", .limit = HTTP_BODY_MAX};

        if (!location || registry_resolve(registry, NULL, location, &url, NULL) < 0)
                return;
        call.url = url;
        (void)registry_exchange(registry, &call, &ignored, NULL);
}

int registry_blob_mount(struct registry *registry, const struct descriptor *blob, const char *from_repository,
                        bool *mounted, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *path = NULL, *scope = NULL;
        _cleanup_buffer_ struct buffer from = {0};
        struct registry_call call = {.method = "POST", .has_body = true, .limit = HTTP_BODY_MAX};
        char hex[SHA256_HEX_SIZE];
        int ret;

        if (url_escape(&from, from_repository) < 0 ||
            asprintf(&path, "%s/blobs/uploads/?mount=sha256:%s&from=%s", registry->repository,
                     sha256_hex(&blob->digest, hex), buffer_text(&from)) < 0)
                return error_oom(err);
        if (asprintf(&scope, "repository:%s:pull,push repository:%s:pull", registry->repository,
                     from_repository) < 0)
                return error_oom(err);
        call.path = path;
        call.scope = scope;
        ret = registry_request(registry, &call, &response, err);
        if (ret < 0)
                return ret;
        *mounted = response.status == 201;
        if (response.status == 202)
                mount_undo(registry, &response);
        /* Whatever else it says: the blob has to be sent, and that will tell what is wrong. */
        return 0;
}

int registry_blob_put(struct registry *registry, struct slice bytes, const struct descriptor *blob,
                      struct error *err)
{
        _cleanup_registry_upload_ struct registry_upload *upload = NULL;
        bool exists = false;
        int ret = registry_blob_exists(registry, blob, &exists, err);

        if (ret < 0 || exists)
                return ret;
        ret = registry_upload_open(registry, &upload, err);
        if (ret == 0)
                ret = registry_upload_append(upload, bytes, err);
        return ret < 0 ? ret : registry_upload_commit(upload, blob, err);
}

static int take_copy(void *context, uint64_t at, struct slice bytes, struct error *err)
{
        uint8_t **next = context;

        memcpy(*next, bytes.data, bytes.size);
        *next += bytes.size;
        return 0;
}

int registry_blob_read(struct registry *registry, const struct descriptor *blob, uint64_t offset, void *data,
                       size_t size, struct error *err)
{
        uint8_t *next = data;
        struct span span = {.at = offset, .take = take_copy, .context = &next};

        if (add_overflow(offset, size, &span.end) || span.end > blob->size)
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                                 "a blob of `%s` ends before what is looked for in it", registry->name);
        return registry_span_fetch(registry, blob, &span, err);
}

int registry_blob_get(struct registry *registry, const struct descriptor *blob, uint64_t limit,
                      struct buffer *out, struct error *err)
{
        struct slice bytes = {.size = blob->size};
        struct sha256 digest;
        int ret;

        if (blob->size > limit)
                return error_set(err, &ERROR_REGISTRY_ANSWER, -EFBIG,
                                 "a blob of `%s` has %llu bytes, more than is accepted there", registry->name,
                                 (unsigned long long)blob->size);
        if (buffer_reserve(out, blob->size) < 0)
                return error_oom(err);
        bytes.data = out->data + out->size;
        ret = registry_blob_read(registry, blob, 0, out->data + out->size, blob->size, err);
        if (ret == 0)
                ret = sha256_of(bytes, &digest, err);
        if (ret < 0)
                return ret;
        if (!sha256_equal(&digest, &blob->digest))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG, "a blob of `%s` differs from its digest",
                                 registry->name);
        out->size += blob->size;
        out->data[out->size] = '\0';
        return 0;
}

int registry_blob_delete(struct registry *registry, const struct descriptor *blob, struct error *err)
{
        _cleanup_free_ char *path = registry_blob_path(registry, &blob->digest);
        _cleanup_http_response_ struct http_response response = {0};
        const struct registry_call call = {
                .method = "DELETE", .path = path, .actions = "delete", .limit = HTTP_BODY_MAX};
        int ret;

        if (!path)
                return error_oom(err);
        ret = registry_request(registry, &call, &response, err);
        if (ret < 0)
                return ret;
        return response.status / 100 == 2 ? 0 : registry_refusal(registry, &response, "delete a blob", err);
}
