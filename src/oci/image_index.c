/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_index.h"

#include <errno.h>
#include "base/json.h"
#include "oci/layout_index.h"

#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

bool image_index_type_is(const char *media_type)
{
        return strcmp(media_type, MEDIA_INDEX) == 0 || strcmp(media_type, DOCKER_LIST) == 0;
}

static const char *architecture_of(yyjson_val *entry)
{
        return json_text_or(yyjson_obj_get(entry, "platform"), "architecture", "");
}

static int parse_entry(yyjson_val *from, struct image_index_entry *out, struct error *err)
{
        snprintf(out->architecture, sizeof(out->architecture), "%s", architecture_of(from));
        out->is_index = image_index_type_is(json_text_or(from, "mediaType", ""));
        return descriptor_parse(from, &out->descriptor, err);
}

int image_index_parse(struct slice index, struct image_index_entry **out, size_t *count, struct error *err)
{
        _cleanup_free_ struct image_index_entry *entries = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *list, *entry;
        yyjson_arr_iter each;
        size_t n = 0;
        int ret = json_parse(index, "index", &doc, err);

        if (ret < 0)
                return ret;
        list = yyjson_obj_get(yyjson_doc_get_root(doc), "manifests");
        if (yyjson_arr_size(list) > IMAGE_INDEX_MAX)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG,
                                 "an index lists %zu images, more than %d", yyjson_arr_size(list),
                                 IMAGE_INDEX_MAX);
        entries = calloc(yyjson_arr_size(list) + 1, sizeof(*entries));
        if (!entries)
                return error_oom(err);
        yyjson_arr_iter_init(list, &each);
        while ((entry = yyjson_arr_iter_next(&each))) {
                ret = parse_entry(entry, &entries[n++], err);
                if (ret < 0)
                        return ret;
        }
        *out = steal_ptr(entries);
        *count = n;
        return 0;
}

int image_index_choose(struct slice index, const char *architecture, struct descriptor *out,
                       struct error *err)
{
        _cleanup_free_ struct image_index_entry *entries = NULL;
        _cleanup_buffer_ struct buffer there = {0};
        size_t count;
        int ret = image_index_parse(index, &entries, &count, err);

        if (ret < 0)
                return ret;
        for (size_t i = 0; i < count; i++) {
                if (!entries[i].is_index && strcmp(entries[i].architecture, architecture) == 0) {
                        *out = entries[i].descriptor;
                        return 0;
                }
                if (entries[i].architecture[0] &&
                    buffer_printf(&there, "%s%s", there.size ? ", " : "", entries[i].architecture) < 0)
                        return error_oom(err);
        }
        return error_set(err, &ERROR_IMAGE_NOT_FOUND, -ENOENT, "the index has no image for %s, only for: %s",
                         architecture, there.size ? buffer_text(&there) : "nothing");
}

static yyjson_mut_val *entry_new(yyjson_mut_doc *doc, const struct metadata *metadata,
                                 const struct descriptor *image)
{
        yyjson_mut_val *entry = descriptor_new(doc, MEDIA_MANIFEST, image), *platform = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_str(doc, platform, "architecture", manifest_architecture_of(metadata));
        yyjson_mut_obj_add_str(doc, platform, "os", "linux");
        yyjson_mut_obj_add_val(doc, entry, "platform", platform);
        return entry;
}

int image_index_add(struct slice old, const struct metadata *metadata, const struct descriptor *image,
                    struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_json_ yyjson_doc *before = NULL;
        yyjson_mut_val *root, *list;
        yyjson_val *entry;
        yyjson_arr_iter each;
        int ret = old.size ? json_parse(old, "index", &before, err) : 0;

        if (ret < 0)
                return ret;
        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        list = yyjson_mut_arr(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "schemaVersion", 2);
        yyjson_mut_obj_add_str(doc, root, "mediaType", MEDIA_INDEX);
        yyjson_mut_obj_add_val(doc, root, "manifests", list);
        yyjson_arr_iter_init(yyjson_obj_get(yyjson_doc_get_root(before), "manifests"), &each);
        while ((entry = yyjson_arr_iter_next(&each)))
                if (strcmp(architecture_of(entry), manifest_architecture_of(metadata)) != 0)
                        yyjson_mut_arr_append(list, yyjson_val_mut_copy(doc, entry));
        yyjson_mut_arr_append(list, entry_new(doc, metadata, image));
        yyjson_mut_obj_add_val(doc, root, "annotations", manifest_annotations(doc, metadata));
        return json_write(doc, false, out, err);
}
