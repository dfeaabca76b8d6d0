/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layout_index.h"

#include <errno.h>
#include "base/json.h"
#include "oci/image_index.h"
#include "oci/signature.h"

int descriptor_parse(yyjson_val *object, struct descriptor *out, struct error *err)
{
        const char *digest = json_text_or(object, "digest", "");

        out->size = json_uint_or(object, "size", UINT64_MAX);
        if (!text_starts_with(digest, "sha256:") || !sha256_parse(digest, &out->digest) ||
            out->size > INT64_MAX)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG,
                                 "a descriptor with digest `%s` is malformed; only SHA-256 is known", digest);
        return 0;
}

static const char *tag_of(yyjson_val *entry)
{
        return json_text_or(yyjson_obj_get(entry, "annotations"), KEY_REF_NAME, "");
}

static yyjson_mut_val *entry_new(yyjson_mut_doc *doc, const char *tag, const char *media_type,
                                 const struct descriptor *manifest)
{
        yyjson_mut_val *entry = yyjson_mut_obj(doc), *annotations = yyjson_mut_obj(doc);
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";

        sha256_hex(&manifest->digest, digest + 7);
        yyjson_mut_obj_add_strcpy(doc, entry, "mediaType", media_type);
        yyjson_mut_obj_add_strcpy(doc, entry, "digest", digest);
        yyjson_mut_obj_add_uint(doc, entry, "size", manifest->size);
        yyjson_mut_obj_add_strcpy(doc, annotations, KEY_REF_NAME, tag);
        yyjson_mut_obj_add_val(doc, entry, "annotations", annotations);
        return entry;
}

int layout_index_add(struct slice old, const char *tag, const char *media_type,
                     const struct descriptor *manifest, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_json_ yyjson_doc *before = NULL;
        yyjson_mut_val *root, *manifests;
        yyjson_val *entry;
        yyjson_arr_iter each;
        int ret;

        if (!doc)
                return error_oom(err);
        if (old.size) {
                ret = json_parse(old, INDEX_FILE, &before, err);
                if (ret < 0)
                        return ret;
        }
        root = yyjson_mut_obj(doc);
        manifests = yyjson_mut_arr(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "schemaVersion", 2);
        yyjson_mut_obj_add_str(doc, root, "mediaType", MEDIA_INDEX);
        yyjson_mut_obj_add_val(doc, root, "manifests", manifests);
        yyjson_arr_iter_init(yyjson_obj_get(yyjson_doc_get_root(before), "manifests"), &each);
        while ((entry = yyjson_arr_iter_next(&each)))
                if (strcmp(tag_of(entry), tag) != 0)
                        yyjson_mut_arr_append(manifests, yyjson_val_mut_copy(doc, entry));
        yyjson_mut_arr_append(manifests, entry_new(doc, tag, media_type, manifest));
        return json_write(doc, false, out, err);
}

int layout_index_find(struct slice index, const char *path, const char *tag, struct descriptor *out,
                      bool *is_index, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *manifests, *entry, *found = NULL, *only = NULL;
        yyjson_arr_iter each;
        size_t images = 0;
        const char *type;
        int ret = json_parse(index, INDEX_FILE, &doc, err);

        if (ret < 0)
                return error_wrap(err, ret, "`%s`", path);
        manifests = yyjson_obj_get(yyjson_doc_get_root(doc), "manifests");
        yyjson_arr_iter_init(manifests, &each);
        while ((entry = yyjson_arr_iter_next(&each))) {
                if (strcmp(tag_of(entry), tag) == 0)
                        found = entry;
                if (!signature_tag_is_one(tag_of(entry))) {
                        only = entry;
                        images++;
                }
        }
        if (!found && strcmp(tag, "latest") == 0 && images == 1)
                found = only;
        if (!found)
                return error_set(err, &ERROR_IMAGE_NOT_FOUND, -ENOENT, "`%s` has no image `%s`", path, tag);
        type = json_text_or(found, "mediaType", "");
        *is_index = image_index_type_is(type);
        if (!*is_index && strcmp(type, MEDIA_MANIFEST) != 0)
                return error_set(err, &ERROR_IMAGE_NOT_CHECKPOINT, -EBADMSG,
                                 "`%s`: image `%s` is of the unknown type `%s`", path, tag, type);
        return descriptor_parse(found, out, err);
}
