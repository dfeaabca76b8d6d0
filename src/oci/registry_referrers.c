/* SPDX-License-Identifier: Apache-2.0 */
/* What refers to a manifest (distribution-spec "Listing Referrers"): by the API of registries that have it,
 * else by an index under the tag "sha256-HEX", which clients keep. */
#include <errno.h>
#include "net/url.h"
#include "oci/registry_pages.h"

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define TAG_SIZE   (7 + SHA256_HEX_SIZE)

static void fallback_tag(const struct sha256 *subject, char tag[TAG_SIZE])
{
        memcpy(tag, "sha256-", 7);
        sha256_hex(subject, tag + 7);
}

/* An index without manifests; their array in `manifests`. */
static yyjson_mut_doc *index_new(yyjson_mut_val **manifests)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

        if (!root) {
                yyjson_mut_doc_free(doc);
                return NULL;
        }
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_int(doc, root, "schemaVersion", 2);
        yyjson_mut_obj_add_str(doc, root, "mediaType", INDEX_TYPE);
        *manifests = yyjson_mut_obj_add_arr(doc, root, "manifests");
        return doc;
}

struct gathered {
        yyjson_mut_doc *doc;
        yyjson_mut_val *manifests;
        const char *artifact_type; /* NULL: any */
};

/* Takes over the descriptors of an index. */
static int gather(void *context, yyjson_val *root, struct error *err)
{
        const struct gathered *gathered = context;
        yyjson_val *value;
        size_t i, max;

        yyjson_arr_foreach (yyjson_obj_get(root, "manifests"), i, max, value) {
                yyjson_mut_val *copy;

                if (gathered->artifact_type &&
                    strcmp(json_text_or(value, "artifactType", ""), gathered->artifact_type) != 0)
                        continue;
                copy = yyjson_val_mut_copy(gathered->doc, value);
                if (!copy || !yyjson_mut_arr_append(gathered->manifests, copy))
                        return error_oom(err);
        }
        return 0;
}

static int gather_text(struct gathered *gathered, struct slice text, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        int ret = json_parse(text, "index of referrers", &doc, err);

        return ret < 0 ? ret : gather(gathered, yyjson_doc_get_root(doc), err);
}

/* Those under the fallback tag; none when there is no such tag. */
static int gather_fallback(struct registry *registry, const struct sha256 *subject, struct gathered *gathered,
                           struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest index = {0};
        char tag[TAG_SIZE];
        int ret;

        fallback_tag(subject, tag);
        ret = registry_manifest_get(registry, tag, &index, err);
        if (ret < 0)
                return ret == -ENOENT ? 0 : ret;
        return gather_text(gathered, buffer_slice(&index.text), err);
}

/* By the API. 1: the registry has it; 0: it has not. */
static int gather_api(struct registry *registry, const struct sha256 *subject, struct gathered *gathered,
                      struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *path = NULL;
        _cleanup_buffer_ struct buffer filter = {0};
        struct registry_call call = {.method = "GET", .actions = "pull", .headers = {"Accept: " INDEX_TYPE}};
        char hex[SHA256_HEX_SIZE];
        int ret = 0;

        if (gathered->artifact_type) {
                ret = buffer_append_text(&filter, "?artifactType=");
                if (ret == 0)
                        ret = url_escape(&filter, gathered->artifact_type);
        }
        if (ret < 0 || asprintf(&path, "%s/referrers/sha256:%s%s", registry->repository,
                                sha256_hex(subject, hex), buffer_text(&filter)) < 0)
                return error_oom(err);
        call.path = path;
        ret = pages_get(registry, &call, gather, gathered, &response, err);
        /* Those without it say 404, or what they have for addresses that they do not know. */
        if (ret == 0 && response.status / 100 != 4)
                return registry_refusal(registry, &response, "list what refers to an image", err);
        if (ret == 0 && (response.status == 401 || response.status == 403))
                return registry_refusal(registry, &response, "list what refers to an image", err);
        return ret;
}

int registry_referrers(struct registry *registry, const struct sha256 *subject, const char *artifact_type,
                       struct buffer *out, struct error *err)
{
        struct gathered gathered = {.artifact_type = artifact_type};
        _cleanup_json_mut_ yyjson_mut_doc *doc = index_new(&gathered.manifests);
        int ret;

        gathered.doc = doc;
        if (!doc)
                return error_oom(err);
        ret = gather_api(registry, subject, &gathered, err);
        if (ret == 0)
                ret = gather_fallback(registry, subject, &gathered, err);
        return ret < 0 ? ret : json_write(doc, false, out, err);
}

static bool index_has(yyjson_mut_val *manifests, yyjson_val *descriptor)
{
        const char *digest = json_text_or(descriptor, "digest", "");
        yyjson_mut_val *value;
        size_t i, max;

        yyjson_mut_arr_foreach(manifests, i, max, value)
        {
                yyjson_mut_val *other = yyjson_mut_obj_get(value, "digest");

                if (yyjson_mut_is_str(other) && strcmp(yyjson_mut_get_str(other), digest) == 0)
                        return true;
        }
        return false;
}

int registry_referrers_add(struct registry *registry, const struct sha256 *subject, struct slice descriptor,
                           struct error *err)
{
        struct gathered gathered = {0};
        _cleanup_json_mut_ yyjson_mut_doc *doc = index_new(&gathered.manifests);
        _cleanup_json_ yyjson_doc *added = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        yyjson_mut_val *copy;
        char tag[TAG_SIZE];
        int ret;

        gathered.doc = doc;
        if (!doc)
                return error_oom(err);
        ret = json_parse(descriptor, "descriptor", &added, err);
        if (ret == 0)
                ret = gather_fallback(registry, subject, &gathered, err);
        if (ret < 0 || index_has(gathered.manifests, yyjson_doc_get_root(added)))
                return ret;
        copy = yyjson_val_mut_copy(doc, yyjson_doc_get_root(added));
        if (!copy || !yyjson_mut_arr_append(gathered.manifests, copy))
                return error_oom(err);
        ret = json_write(doc, false, &text, err);
        if (ret < 0)
                return ret;
        fallback_tag(subject, tag);
        return registry_manifest_put(registry, tag, INDEX_TYPE, buffer_slice(&text), NULL, err);
}
