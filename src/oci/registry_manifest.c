/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/json.h"
#include "net/headers.h"
#include "oci/registry_private.h"

#define ACCEPT                                                                                               \
        "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "      \
        "application/vnd.docker.distribution.manifest.v2+json, "                                             \
        "application/vnd.docker.distribution.manifest.list.v2+json"

/* "REPOSITORY/manifests/NAME". `digest` is filled where the name is one. */
static int path_make(const struct registry *registry, const char *name, char **path, struct sha256 *digest,
                     bool *is_digest, struct error *err)
{
        *is_digest = text_starts_with(name, "sha256:") && sha256_parse(name, digest);
        if (!*is_digest && !image_tag_is_valid(name))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%.200s` is neither a tag nor a digest", name);
        if (asprintf(path, "%s/manifests/%s", registry->repository, name) < 0) {
                *path = NULL;
                return error_oom(err);
        }
        return 0;
}

/* Its media type without parameters, by header or else by the text itself. */
static int media_type_take(const struct http_response *response, struct registry_manifest *out,
                           struct error *err)
{
        const char *field = http_response_header(response, "Content-Type");
        _cleanup_json_ yyjson_doc *doc = NULL;
        size_t size = field ? strcspn(field, "; ") : 0;

        if (size && strncmp(field, "application/json", size) != 0 && strncmp(field, "text/plain", size) != 0)
                out->media_type = strndup(field, size);
        else if (out->text.size && json_parse(buffer_slice(&out->text), "manifest", &doc, err) < 0)
                return -EBADMSG;
        else
                out->media_type = strdup(json_text_or(yyjson_doc_get_root(doc), "mediaType", ""));
        return out->media_type ? 0 : error_oom(err);
}

static int digest_differs(const struct registry *registry, const char *name, struct error *err)
{
        return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                         "the manifest `%s` of `%s` differs from its digest", name, registry->name);
}

/* 1: the registry named a digest. */
static int header_digest(const struct http_response *response, struct sha256 *out)
{
        const char *field = http_response_header(response, "Docker-Content-Digest");

        return field && text_starts_with(field, "sha256:") && sha256_parse(field, out);
}

/* A request that is about a manifest, to `verb` it; anything but a success is an error. `expected` is filled
 * where the name is a digest. */
static int ask(struct registry *registry, const char *verb, const char *name, struct registry_call *call,
               struct http_response *response, struct sha256 *expected, bool *is_expected, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        char what[256];
        int ret = path_make(registry, name, &path, expected, is_expected, err);

        call->path = path;
        if (ret == 0)
                ret = registry_request(registry, call, response, err);
        call->path = NULL;
        if (ret < 0 || response->status / 100 == 2)
                return ret;
        snprintf(what, sizeof(what), "%s the manifest `%s`", verb, name);
        return registry_refusal(registry, response, what, err);
}

int registry_manifest_get(struct registry *registry, const char *name, struct registry_manifest *out,
                          struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest manifest = {0};
        _cleanup_http_response_ struct http_response response = {0};
        struct registry_call call = {
                .method = "GET", .actions = "pull", .headers = {ACCEPT}, .limit = MANIFEST_MAX};
        struct sha256 expected;
        bool is_expected;
        int ret = ask(registry, "get", name, &call, &response, &expected, &is_expected, err);

        if (ret < 0)
                return ret;
        manifest.text = response.body;
        response.body = (struct buffer){0};
        manifest.descriptor.size = manifest.text.size;
        ret = sha256_of(buffer_slice(&manifest.text), &manifest.descriptor.digest, err);
        if (ret < 0)
                return ret;
        is_expected = is_expected || header_digest(&response, &expected);
        if (is_expected && !sha256_equal(&expected, &manifest.descriptor.digest))
                return digest_differs(registry, name, err);
        ret = media_type_take(&response, &manifest, err);
        if (ret < 0)
                return ret;
        *out = manifest;
        manifest = (struct registry_manifest){0};
        return 0;
}

void registry_manifest_free(struct registry_manifest *manifest)
{
        free(manifest->media_type);
        buffer_free(&manifest->text);
        *manifest = (struct registry_manifest){0};
}

/* 1: all is known; 0: the registry says too little without the text. */
static int head(struct registry *registry, const char *name, struct registry_manifest *out, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct registry_call call = {.method = "HEAD", .actions = "pull", .headers = {ACCEPT}};
        const char *length;
        struct sha256 expected;
        bool is_expected;
        int ret = ask(registry, "find", name, &call, &response, &expected, &is_expected, err);

        if (ret < 0)
                return ret;
        length = http_response_header(&response, "Content-Length");
        if (!header_digest(&response, &out->descriptor.digest) || !length ||
            !http_number(length, &out->descriptor.size))
                return 0;
        if (is_expected && !sha256_equal(&expected, &out->descriptor.digest))
                return digest_differs(registry, name, err);
        ret = media_type_take(&response, out, err);
        return ret < 0 ? ret : 1;
}

int registry_manifest_head(struct registry *registry, const char *name, struct registry_manifest *out,
                           struct error *err)
{
        int ret = head(registry, name, out, err);

        if (ret == 0) {
                ret = registry_manifest_get(registry, name, out, err);
                buffer_free(&out->text);
        }
        return ret < 0 ? ret : 0;
}

int registry_manifest_put(struct registry *registry, const char *name, const char *media_type,
                          struct slice text, bool *referrers_known, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *type = NULL;
        struct registry_call call = {.method = "PUT",
                                     .actions = "pull,push",
                                     .has_body = true,
                                     .body = text,
                                     .limit = HTTP_BODY_MAX};
        struct sha256 expected, stored, ours;
        bool is_expected;
        int ret;

        if (asprintf(&type, "Content-Type: %s", media_type) < 0) {
                type = NULL;
                return error_oom(err);
        }
        call.headers[0] = type;
        ret = ask(registry, "put", name, &call, &response, &expected, &is_expected, err);
        if (ret == 0)
                ret = sha256_of(text, &ours, err);
        if (ret < 0)
                return ret;
        if (header_digest(&response, &stored) && !sha256_equal(&stored, &ours))
                return digest_differs(registry, name, err);
        if (referrers_known)
                *referrers_known = http_response_header(&response, "OCI-Subject") != NULL;
        return 0;
}

int registry_manifest_delete(struct registry *registry, const char *name, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        struct registry_call call = {.method = "DELETE", .actions = "delete", .limit = HTTP_BODY_MAX};
        struct sha256 digest;
        bool is_digest;

        return ask(registry, "delete", name, &call, &response, &digest, &is_digest, err);
}
