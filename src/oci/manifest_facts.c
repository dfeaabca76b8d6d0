/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/manifest_facts.h"

#include <errno.h>
#include "base/json.h"

#define OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"

static int invalid(struct error *err, const char *what)
{
        return error_set(err, &ERROR_STORE_MANIFEST_INVALID, -EBADMSG, "the manifest %s", what);
}

void manifest_facts_free(struct manifest_facts *facts)
{
        free(facts->references);
        buffer_free(&facts->referrer);
        *facts = (struct manifest_facts){0};
}

static int parse_digest(yyjson_val *object, struct sha256 *out, struct error *err)
{
        const char *digest = json_text_or(object, "digest", "");

        if (!text_starts_with(digest, "sha256:") || !sha256_parse(digest, out))
                return error_set(err, &ERROR_STORE_DIGEST, -EBADMSG,
                                 "the manifest refers to the digest `%.100s`, which is no SHA-256 digest",
                                 digest);
        return 0;
}

static int add_reference(struct manifest_facts *facts, yyjson_val *object, bool is_manifest,
                         struct error *err)
{
        struct manifest_reference *reference = &facts->references[facts->count];
        int ret;

        if (!yyjson_is_obj(object))
                return invalid(err, "has something else where a descriptor belongs");
        ret = parse_digest(object, &reference->target.digest, err);
        if (ret < 0)
                return ret;
        reference->target.size = json_uint_or(object, "size", UINT64_MAX);
        if (reference->target.size > INT64_MAX)
                return invalid(err, "has a descriptor without a size");
        reference->is_manifest = is_manifest;
        /* Layers that may not be distributed ("foreign" of Docker, "nondistributable" of OCI). */
        reference->may_lie_elsewhere = !is_manifest && yyjson_arr_size(yyjson_obj_get(object, "urls")) > 0;
        facts->count++;
        return 0;
}

static int add_references(struct manifest_facts *facts, yyjson_val *root, bool is_index, struct error *err)
{
        yyjson_val *list = yyjson_obj_get(root, is_index ? "manifests" : "layers"), *each;
        size_t index, max;
        int ret = 0;

        if (!yyjson_is_arr(list))
                return invalid(err, is_index ? "has no list `manifests`" : "has no list `layers`");
        facts->references = calloc(yyjson_arr_size(list) + 1, sizeof(*facts->references));
        if (!facts->references)
                return error_oom(err);
        if (!is_index)
                ret = add_reference(facts, yyjson_obj_get(root, "config"), false, err);
        yyjson_arr_foreach (list, index, max, each) {
                if (ret < 0)
                        return ret;
                ret = add_reference(facts, each, is_index, err);
        }
        return ret;
}

/* distribution-spec, "Listing Referrers": the type of the artifact, else that of its config. */
static const char *artifact_type(yyjson_val *root)
{
        const char *type = json_text(root, "artifactType");

        return type && *type ? type : json_text(yyjson_obj_get(root, "config"), "mediaType");
}

static int write_referrer(struct manifest_facts *facts, yyjson_val *root, const char *media_type,
                          const struct sha256 *digest, uint64_t size, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_val *annotations = yyjson_obj_get(root, "annotations");
        char text[7 + SHA256_HEX_SIZE] = "sha256:";
        yyjson_mut_val *object;

        if (!doc)
                return error_oom(err);
        sha256_hex(digest, text + 7);
        object = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, object);
        yyjson_mut_obj_add_str(doc, object, "mediaType", media_type);
        yyjson_mut_obj_add_str(doc, object, "digest", text);
        yyjson_mut_obj_add_uint(doc, object, "size", size);
        if (artifact_type(root))
                yyjson_mut_obj_add_str(doc, object, "artifactType", artifact_type(root));
        if (yyjson_is_obj(annotations))
                yyjson_mut_obj_add_val(doc, object, "annotations", yyjson_val_mut_copy(doc, annotations));
        return json_write(doc, false, &facts->referrer, err);
}

static int parse_subject(struct manifest_facts *facts, yyjson_val *root, const char *media_type,
                         const struct sha256 *digest, uint64_t size, struct error *err)
{
        yyjson_val *subject = yyjson_obj_get(root, "subject");
        int ret;

        if (!subject || yyjson_is_null(subject))
                return 0;
        ret = parse_digest(subject, &facts->subject, err);
        if (ret < 0)
                return ret;
        facts->has_subject = true;
        return write_referrer(facts, root, media_type, digest, size, err);
}

int manifest_facts_parse(struct slice text, const char *media_type, const struct sha256 *digest,
                         struct manifest_facts *out, struct error *err)
{
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        bool is_index = strcmp(media_type, OCI_INDEX) == 0 || strcmp(media_type, DOCKER_LIST) == 0;
        yyjson_val *root;
        int ret;

        if (!is_index && strcmp(media_type, OCI_MANIFEST) != 0 && strcmp(media_type, DOCKER_MANIFEST) != 0)
                return error_set(err, &ERROR_STORE_MANIFEST_INVALID, -EBADMSG,
                                 "manifests of the media type `%.100s` are not known here", media_type);
        if (json_parse(text, "the manifest", &doc, err) < 0)
                return error_set(err, &ERROR_STORE_MANIFEST_INVALID, -EBADMSG, "the manifest is no JSON");
        root = yyjson_doc_get_root(doc);
        if (json_uint_or(root, "schemaVersion", 0) != 2)
                return invalid(err, "does not have the schemaVersion 2");
        if (strcmp(json_text_or(root, "mediaType", media_type), media_type) != 0)
                return invalid(err, "says another media type of itself than it was sent with");
        ret = add_references(&facts, root, is_index, err);
        if (ret == 0)
                ret = parse_subject(&facts, root, media_type, digest, text.size, err);
        if (ret < 0)
                return ret;
        *out = facts;
        facts = (struct manifest_facts){0};
        return 0;
}
