/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/signature.h"

#include <errno.h>
#include "base/base64.h"
#include "base/json.h"
#include "oci/layout_index.h"

#define PAYLOAD_KIND  "cosign container image signature"
#define KEY_SIGNATURE "dev.cosignproject.cosign/signature"
#define TEXT_MAX      (16 * KIB) /* of one signature */

static const char tag_prefix[] = "sha256-", tag_suffix[] = ".sig";

void signatures_free(struct signatures *signatures)
{
        while (signatures->count)
                free(signatures->items[--signatures->count].text);
}

char *signature_tag(const struct sha256 *image, char out[SIGNATURE_TAG_SIZE])
{
        char hex[SHA256_HEX_SIZE];

        snprintf(out, SIGNATURE_TAG_SIZE, "%s%s%s", tag_prefix, sha256_hex(image, hex), tag_suffix);
        return out;
}

bool signature_tag_is_one(const char *tag)
{
        return strlen(tag) == strlen(tag_prefix) + SHA256_HEX_SIZE - 1 + strlen(tag_suffix) &&
               text_starts_with(tag, tag_prefix) && text_ends_with(tag, tag_suffix);
}

static const char *digest_text(const struct sha256 *digest, char out[7 + SHA256_HEX_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
        return out;
}

/* --- one signature ------------------------------------------------------------------------------------- */

int signature_payload(const struct sha256 *image, const char *identity, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *critical, *object;
        char digest[7 + SHA256_HEX_SIZE];

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        critical = yyjson_mut_obj_add_obj(doc, root, "critical");
        object = yyjson_mut_obj_add_obj(doc, critical, "identity");
        yyjson_mut_obj_add_strcpy(doc, object, "docker-reference", identity);
        object = yyjson_mut_obj_add_obj(doc, critical, "image");
        yyjson_mut_obj_add_strcpy(doc, object, "docker-manifest-digest", digest_text(image, digest));
        yyjson_mut_obj_add_str(doc, critical, "type", PAYLOAD_KIND);
        object = yyjson_mut_obj_add_obj(doc, root, "optional");
        yyjson_mut_obj_add_str(doc, object, "creator", "snap " SNAP_VERSION);
        return json_write(doc, false, out, err);
}

static int invalid(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_SIGNATURE_INVALID, -EBADMSG, "a signature %s", reason);
}

/* "HOST:5000/REPOSITORY" of "HOST:5000/REPOSITORY:TAG@DIGEST": its length. */
static size_t repository_length(const char *identity)
{
        size_t length = strcspn(identity, "@");
        const char *slash = memrchr(identity, '/', length);
        const char *tag =
                memchr(slash ? slash : identity, ':', length - (slash ? (size_t)(slash - identity) : 0));

        return tag ? (size_t)(tag - identity) : length;
}

/* What the payload says must be about this image. */
static int check_payload(struct slice payload, const struct sha256 *image, const char *repository,
                         struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *critical;
        const char *identity, *digest;
        char expected[7 + SHA256_HEX_SIZE];

        if (json_parse(payload, "payload", &doc, err) < 0)
                return invalid("signs what is not JSON", err);
        critical = yyjson_obj_get(yyjson_doc_get_root(doc), "critical");
        identity = json_text(yyjson_obj_get(critical, "identity"), "docker-reference");
        digest = json_text(yyjson_obj_get(critical, "image"), "docker-manifest-digest");
        if (strcmp(json_text_or(critical, "type", ""), PAYLOAD_KIND) != 0 || !identity || !digest ||
            yyjson_obj_size(critical) != 3)
                return invalid("signs something that is no image", err);
        if (strcmp(digest, digest_text(image, expected)) != 0)
                return error_set(err, &ERROR_SIGNATURE_OTHER, -EBADMSG,
                                 "the signature is for the image %s, not for %s", digest, expected);
        if (repository && (repository_length(identity) != strlen(repository) ||
                           memcmp(identity, repository, strlen(repository)) != 0))
                return error_set(err, &ERROR_SIGNATURE_OTHER, -EBADMSG,
                                 "the signature is for an image that is called `%s`, not `%s`", identity,
                                 repository);
        return 0;
}

int signature_verify(struct slice payload, const char *text, const struct key *const *keys, size_t count,
                     const struct sha256 *image, const char *repository, struct error *err)
{
        _cleanup_buffer_ struct buffer signature = {0};

        if (payload.size > SIGNATURE_PAYLOAD_MAX)
                return invalid("has an absurdly large payload", err);
        if (strlen(text) > TEXT_MAX || base64_decode(BASE64, SLICE_TEXT(text), &signature) < 0)
                return invalid("is not base64", err);
        for (size_t i = 0; i < count; i++)
                if (key_verify(keys[i], payload, buffer_slice(&signature)) == 0)
                        return check_payload(payload, image, repository, err);
        return invalid("was made by none of the keys, or for other bytes", err);
}

/* --- several in a manifest ----------------------------------------------------------------------------- */

static int parse_one(yyjson_val *layer, struct signatures *out, struct error *err)
{
        struct signature *signature = &out->items[out->count];
        const char *text = json_text(yyjson_obj_get(layer, "annotations"), KEY_SIGNATURE);
        int ret;

        if (strcmp(json_text_or(layer, "mediaType", ""), SIGNATURE_PAYLOAD_TYPE) != 0 || !text)
                return 0;
        if (out->count == SIGNATURES_MAX)
                return error_set(err, &ERROR_SIGNATURE_INVALID, -EBADMSG,
                                 "the image has more than %d signatures", SIGNATURES_MAX);
        ret = descriptor_parse(layer, &signature->payload, err);
        if (ret < 0)
                return ret;
        signature->text = strdup(text);
        if (!signature->text)
                return error_oom(err);
        out->count++;
        return 0;
}

int signatures_parse(struct slice manifest, struct signatures *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_arr_iter each;
        yyjson_val *layer;
        int ret;

        out->count = 0;
        ret = json_parse(manifest, "manifest of signatures", &doc, err);
        if (ret < 0)
                return ret;
        yyjson_arr_iter_init(yyjson_obj_get(yyjson_doc_get_root(doc), "layers"), &each);
        while (ret == 0 && (layer = yyjson_arr_iter_next(&each)))
                ret = parse_one(layer, out, err);
        return ret;
}

int signatures_config(const struct signatures *signatures, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *rootfs, *list;
        char digest[7 + SHA256_HEX_SIZE];

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_str(doc, root, "architecture", "");
        yyjson_mut_obj_add_str(doc, root, "os", "");
        yyjson_mut_obj_add_obj(doc, root, "config");
        rootfs = yyjson_mut_obj_add_obj(doc, root, "rootfs");
        yyjson_mut_obj_add_str(doc, rootfs, "type", "layers");
        list = yyjson_mut_obj_add_arr(doc, rootfs, "diff_ids");
        for (size_t i = 0; i < signatures->count; i++)
                yyjson_mut_arr_add_strcpy(doc, list,
                                          digest_text(&signatures->items[i].payload.digest, digest));
        return json_write(doc, false, out, err);
}

int signatures_manifest(const struct signatures *signatures, const struct descriptor *config,
                        const struct descriptor *image, const char *media_type, struct buffer *out,
                        struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *list;

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "schemaVersion", 2);
        yyjson_mut_obj_add_str(doc, root, "mediaType", MEDIA_MANIFEST);
        yyjson_mut_obj_add_str(doc, root, "artifactType", SIGNATURE_ARTIFACT_TYPE);
        yyjson_mut_obj_add_val(doc, root, "config", descriptor_new(doc, MEDIA_CONFIG, config));
        list = yyjson_mut_obj_add_arr(doc, root, "layers");
        for (size_t i = 0; i < signatures->count; i++) {
                yyjson_mut_val *layer =
                        descriptor_new(doc, SIGNATURE_PAYLOAD_TYPE, &signatures->items[i].payload);
                yyjson_mut_val *annotations = yyjson_mut_obj_add_obj(doc, layer, "annotations");

                yyjson_mut_obj_add_strcpy(doc, annotations, KEY_SIGNATURE, signatures->items[i].text);
                yyjson_mut_arr_append(list, layer);
        }
        yyjson_mut_obj_add_val(doc, root, "subject", descriptor_new(doc, media_type, image));
        return json_write(doc, false, out, err);
}
