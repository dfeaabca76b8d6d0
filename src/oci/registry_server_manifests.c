/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/json.h"
#include "net/url.h"
#include "oci/layout_index.h"
#include "oci/manifest.h"
#include "oci/registry_server_private.h"

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
/* Entries of a list in one answer, unless the client wants fewer; the catalogue's is what others have. */
#define LIST_MAX      10000
#define CATALOG_ITEMS 100
#define CATALOG_MAX   1000
/* Descriptors of referrers in one answer. */
#define REFERRERS_SIZE (4 * MIB)

/* --- manifests
 * ------------------------------------------------------------------------------------------------ */

static int respond_stored(struct request *request, struct store_manifest *manifest, struct error *err)
{
        char digest[DIGEST_TEXT_SIZE];
        int ret = request_set_header(request, err, "Docker-Content-Digest", "%s",
                                     digest_format(&manifest->digest, digest));

        return ret < 0 ? ret
                       : request_respond_file(request, manifest->media_type, digest, steal_fd(&manifest->fd),
                                              manifest->size, err);
}

/* One that is not in the store yet. */
static int respond_coming(struct request *request, const struct buffer *text, struct error *err)
{
        char digest[DIGEST_TEXT_SIZE];
        struct sha256 sum;
        int ret = sha256_of(buffer_slice(text), &sum, err);

        if (ret == 0)
                ret = request_set_header(request, err, "Docker-Content-Digest", "%s",
                                         digest_format(&sum, digest));
        return ret < 0 ? ret : request_respond_bytes(request, 200, MEDIA_MANIFEST, buffer_slice(text), err);
}

/* The store does not have it, as `err` says; perhaps somebody else has. */
static int get_from_elsewhere(struct request *request, struct error *err)
{
        _cleanup_store_manifest_ struct store_manifest manifest = {.fd = -1};
        const struct registry_origin *origin = request_origin(request);
        const char *repository = request_repository(request),
                   *reference = request_parameter(request, "reference");
        _cleanup_buffer_ struct buffer text = {0};
        struct error why = {0};
        int ret = origin->manifest(origin->context, repository, reference, &text, &why);

        if (ret == -ENOENT && !why.kind)
                return ret;
        *err = why;
        if (ret == 0 && text.size)
                return respond_coming(request, &text, err);
        if (ret == 0)
                ret = store_manifest_open(request_store(request), repository, reference, &manifest, err);
        return ret < 0 ? ret : respond_stored(request, &manifest, err);
}

static int manifest_get(struct request *request, struct error *err)
{
        _cleanup_store_manifest_ struct store_manifest manifest = {.fd = -1};
        int ret = store_manifest_open(request_store(request), request_repository(request),
                                      request_parameter(request, "reference"), &manifest, err);

        if (ret == -ENOENT && request_origin(request)->manifest)
                return get_from_elsewhere(request, err);
        return ret < 0 ? ret : respond_stored(request, &manifest, err);
}

static void text_free(void *context)
{
        buffer_free(context);
        free(context);
}

static int too_large(struct error *err)
{
        return error_set(err, &ERROR_HTTP_TOO_LARGE, -EMSGSIZE, "a manifest has at most %llu bytes",
                         (unsigned long long)MANIFEST_MAX);
}

static int put_begin(struct request *request, struct error *err)
{
        struct buffer *text;

        if (request_body_size(request) != UINT64_MAX && request_body_size(request) > MANIFEST_MAX)
                return too_large(err);
        text = calloc(1, sizeof(*text));
        if (!text)
                return error_oom(err);
        request_set_state(request, text);
        return 0;
}

static int put_body(struct request *request, struct slice bytes, struct error *err)
{
        struct buffer *text = request_state(request);

        if (bytes.size > MANIFEST_MAX - text->size)
                return too_large(err);
        return buffer_append(text, bytes.data, bytes.size) < 0 ? error_oom(err) : 0;
}

/* Without parameters; what the manifest says of itself when the client does not say. Borrowed from `type`. */
static int media_type_of(const struct request *request, const struct buffer *text, struct buffer *type,
                         struct error *err)
{
        const char *header = request_header(request, "Content-Type");
        _cleanup_json_ yyjson_doc *doc = NULL;

        if (!header && json_parse(buffer_slice(text), "the manifest", &doc, NULL) == 0)
                header = json_text(yyjson_doc_get_root(doc), "mediaType");
        if (!header)
                return error_set(err, &ERROR_STORE_MANIFEST_INVALID, -EINVAL,
                                 "neither Content-Type nor the manifest says what type it has");
        return buffer_append(type, header, strcspn(header, "; ")) < 0 ? error_oom(err) : 0;
}

static int respond_created(struct request *request, const struct sha256 *digest, struct error *err)
{
        char text[DIGEST_TEXT_SIZE];
        int ret = request_set_header(request, err, "Location", "/v2/%s/manifests/%s",
                                     request_repository(request), digest_format(digest, text));

        if (ret == 0)
                ret = request_set_header(request, err, "Docker-Content-Digest", "%s", text);
        return ret < 0 ? ret : request_respond_status(request, 201, err);
}

static int put_end(struct request *request, struct error *err)
{
        const struct buffer *text = request_state(request);
        _cleanup_buffer_ struct buffer type = {0};
        struct sha256 digest, subject;
        char subject_text[DIGEST_TEXT_SIZE];
        bool has_subject;
        int ret = media_type_of(request, text, &type, err);
        const struct store_manifest_put put = {
                .name = request_repository(request),
                .reference = request_parameter(request, "reference"),
                .media_type = buffer_text(&type),
                .text = buffer_slice(text),
        };

        if (ret == 0)
                ret = store_manifest_put(request_store(request), &put, &digest, &has_subject, &subject, err);
        if (ret == 0 && has_subject)
                ret = request_set_header(request, err, "OCI-Subject", "%s",
                                         digest_format(&subject, subject_text));
        return ret < 0 ? ret : respond_created(request, &digest, err);
}

static int manifest_delete(struct request *request, struct error *err)
{
        int ret = store_manifest_delete(request_store(request), request_repository(request),
                                        request_parameter(request, "reference"), err);

        return ret < 0 ? ret : request_respond_status(request, 202, err);
}

const struct handler handle_manifest_get = {.end = manifest_get},
                     handle_manifest_put = {put_begin, put_body, put_end, text_free},
                     handle_manifest_delete = {.end = manifest_delete};

/* --- pages of lists
 * -------------------------------------------------------------------------------------------- */

/* The query `n`: `fallback` without it, at most `limit`. */
static int page_size(struct request *request, size_t fallback, size_t limit, size_t *out, struct error *err)
{
        const char *text = request_query(request, "n");

        *out = fallback;
        if (!text)
                return 0;
        if (!*text || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
                return error_set(err, &ERROR_HTTP_REQUEST, -EINVAL, "`n` is not a number of entries");
        *out = strtoull(text, NULL, 10);
        if (*out > limit)
                *out = limit;
        return 0;
}

/* Index of the first entry after the query `last`. */
static size_t page_start(struct request *request, const struct store_list *list)
{
        const char *last = request_query(request, "last");
        size_t start = 0;

        while (last && start < list->count && strcmp(list->items[start], last) <= 0)
                start++;
        return start;
}

/* The header Link to what comes after `last`. `more` is the rest of its query. */
static int link_next(struct request *request, const char *last, const char *more, struct error *err)
{
        _cleanup_buffer_ struct buffer encoded = {0};

        if (url_escape(&encoded, last) < 0)
                return error_oom(err);
        return request_set_header(request, err, "Link", "<%s?last=%s%s>; rel=\"next\"", request_path(request),
                                  buffer_text(&encoded), more);
}

/* {"KEY":[…]} of one page, and `name` before it where there is one. */
static int respond_page(struct request *request, const char *name, const char *key,
                        const struct store_list *list, size_t size, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        size_t start = page_start(request, list), end = start + size;
        yyjson_mut_val *root, *items;
        char more[32];
        int ret = 0;

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        if (name)
                yyjson_mut_obj_add_str(doc, root, "name", name);
        items = yyjson_mut_obj_add_arr(doc, root, key);
        if (end > list->count)
                end = list->count;
        for (size_t i = start; i < end; i++)
                yyjson_mut_arr_add_str(doc, items, list->items[i]);
        snprintf(more, sizeof(more), "&n=%zu", size);
        if (end < list->count && end > start)
                ret = link_next(request, list->items[end - 1], more, err);
        if (ret == 0)
                ret = json_write(doc, false, &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

static int tags(struct request *request, struct error *err)
{
        _cleanup_store_list_ struct store_list list = {0};
        const char *name = request_repository(request);
        size_t size;
        int ret = page_size(request, LIST_MAX, LIST_MAX, &size, err);

        if (ret == 0)
                ret = store_tags(request_store(request), name, &list, err);
        return ret < 0 ? ret : respond_page(request, name, "tags", &list, size, err);
}

static int catalog(struct request *request, struct error *err)
{
        _cleanup_store_list_ struct store_list all = {0};
        size_t size, kept = 0;
        int ret = page_size(request, CATALOG_ITEMS, CATALOG_MAX, &size, err);

        if (ret == 0)
                ret = store_repositories(request_store(request), &all, err);
        if (ret < 0)
                return ret;
        for (size_t i = 0; i < all.count; i++) {
                if (request_allows(request, REGISTRY_PULL, all.items[i]))
                        all.items[kept++] = all.items[i];
                else
                        free(all.items[i]);
        }
        all.count = kept;
        return respond_page(request, NULL, "repositories", &all, size, err);
}

const struct handler handle_tags = {.end = tags}, handle_catalog = {.end = catalog};

/* --- referrers
 * ------------------------------------------------------------------------------------------------- */

static bool has_artifact_type(const struct buffer *descriptor, const char *type)
{
        _cleanup_json_ yyjson_doc *doc = NULL;

        return json_parse(buffer_slice(descriptor), "a descriptor", &doc, NULL) == 0 &&
               strcmp(json_text_or(yyjson_doc_get_root(doc), "artifactType", ""), type) == 0;
}

/* Appends one descriptor to the list, if it is asked for. */
static int add_referrer(struct request *request, const struct sha256 *subject, const char *digest,
                        const char *type, struct buffer *list, struct error *err)
{
        _cleanup_buffer_ struct buffer descriptor = {0};
        int ret = store_referrer(request_store(request), request_repository(request), subject, digest,
                                 &descriptor, err);

        if (ret == -ENOENT || (ret == 0 && type && !has_artifact_type(&descriptor, type)))
                return 0;
        if (ret < 0)
                return ret;
        if ((list->size && buffer_append_text(list, ",") < 0) ||
            buffer_append(list, descriptor.data, descriptor.size) < 0)
                return error_oom(err);
        return 0;
}

static int link_next_referrers(struct request *request, const char *last, const char *type, struct error *err)
{
        _cleanup_buffer_ struct buffer more = {0};

        if (type && (buffer_append_text(&more, "&artifactType=") < 0 || url_escape(&more, type) < 0))
                return error_oom(err);
        return link_next(request, last, buffer_text(&more), err);
}

static int respond_referrers(struct request *request, const struct buffer *list, const char *type,
                             struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = 0;

        if (type)
                ret = request_set_header(request, err, "OCI-Filters-Applied", "artifactType");
        if (ret < 0)
                return ret;
        if (buffer_printf(&text, "{\"schemaVersion\":2,\"mediaType\":\"" INDEX_TYPE "\",\"manifests\":[%s]}",
                          buffer_text(list)) < 0)
                return error_oom(err);
        return request_respond_bytes(request, 200, INDEX_TYPE, buffer_slice(&text), err);
}

static int referrers(struct request *request, struct error *err)
{
        _cleanup_store_list_ struct store_list digests = {0};
        _cleanup_buffer_ struct buffer list = {0};
        const char *type = request_query(request, "artifactType");
        struct sha256 subject;
        int ret = digest_parse(request_parameter(request, "digest"), &subject, err);

        if (ret == 0)
                ret = store_referrers(request_store(request), request_repository(request), &subject, &digests,
                                      err);
        for (size_t i = ret < 0 ? digests.count : page_start(request, &digests); i < digests.count; i++) {
                ret = add_referrer(request, &subject, digests.items[i], type, &list, err);
                if (ret == 0 && list.size >= REFERRERS_SIZE && i + 1 < digests.count) {
                        ret = link_next_referrers(request, digests.items[i], type, err);
                        break;
                }
                if (ret < 0)
                        break;
        }
        return ret < 0 ? ret : respond_referrers(request, &list, type, err);
}

const struct handler handle_referrers = {.end = referrers};
