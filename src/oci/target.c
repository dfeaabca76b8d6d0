/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/target.h"

#include <errno.h>
#include "base/json.h"
#include "oci/layout_index.h"
#include "oci/registry_client.h"

struct target {
        struct layout_writer *layout; /* exactly one of the two */
        struct registry *registry;
        bool is_borrowed; /* the registry */
};

struct target_blob {
        struct blob_writer *file;
        struct registry_upload *upload;
        uint64_t size;
};

int target_open(const struct image_reference *to, const struct registry_access *access, struct target **out,
                struct error *err)
{
        _cleanup_target_ struct target *target = calloc(1, sizeof(*target));
        int ret;

        if (!target)
                return error_oom(err);
        if (to->transport == IMAGE_DOCKER)
                ret = registry_open_named(to->path, access, &target->registry, err);
        else
                ret = layout_writer_open(to, &target->layout, err);
        if (ret == 0)
                *out = steal_ptr(target);
        return ret;
}

int target_of(struct registry *registry, struct target **out, struct error *err)
{
        *out = calloc(1, sizeof(**out));
        if (!*out)
                return error_oom(err);
        (*out)->registry = registry;
        (*out)->is_borrowed = true;
        return 0;
}

void target_free(struct target *target)
{
        if (!target)
                return;
        layout_writer_free(target->layout);
        if (!target->is_borrowed)
                registry_free(target->registry);
        free(target);
}

bool target_is_parallel(const struct target *target)
{
        return target->registry;
}

struct registry *target_registry(const struct target *target)
{
        return target->registry;
}

int target_blob_open(struct target *target, bool large, struct target_blob **out, struct error *err)
{
        _cleanup_target_blob_ struct target_blob *blob = calloc(1, sizeof(*blob));
        int ret;

        if (!blob)
                return error_oom(err);
        ret = target->registry ? registry_upload_open(target->registry, &blob->upload, err)
                               : blob_writer_open(target->layout, large, &blob->file, err);
        if (ret == 0)
                *out = steal_ptr(blob);
        return ret;
}

int target_blob_append(struct target_blob *blob, struct slice bytes, struct error *err)
{
        blob->size += bytes.size;
        return blob->upload ? registry_upload_append(blob->upload, bytes, err)
                            : blob_writer_append(blob->file, bytes, err);
}

int target_blob_commit(struct target_blob *blob, const struct sha256 *digest, struct descriptor *out,
                       struct error *err)
{
        *out = (struct descriptor){*digest, blob->size};
        return blob->upload ? registry_upload_commit(blob->upload, out, err)
                            : blob_writer_commit(blob->file, digest, out, err);
}

void target_blob_free(struct target_blob *blob)
{
        if (!blob)
                return;
        registry_upload_free(blob->upload);
        blob_writer_free(blob->file);
        free(blob);
}

static int describe(struct slice bytes, struct descriptor *out, struct error *err)
{
        out->size = bytes.size;
        return sha256_of(bytes, &out->digest, err);
}

int target_add(struct target *target, struct slice bytes, struct descriptor *out, struct error *err)
{
        int ret;

        if (target->layout)
                return layout_writer_add(target->layout, bytes, out, err);
        ret = describe(bytes, out, err);
        return ret < 0 ? ret : registry_blob_put(target->registry, bytes, out, err);
}

int target_has(struct target *target, const struct descriptor *blob, bool *has, struct error *err)
{
        *has = false;
        return target->registry ? registry_blob_exists(target->registry, blob, has, err) : 0;
}

/* A registry that does not know referrers finds them by a tag that is written here. */
static int note_referrer(struct registry *registry, const char *media_type, yyjson_val *manifest,
                         const struct descriptor *descriptor, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_val *annotations = yyjson_obj_get(manifest, "annotations");
        const char *type = json_text(manifest, "artifactType");
        _cleanup_buffer_ struct buffer text = {0};
        yyjson_mut_val *entry;
        struct descriptor subject;
        int ret = descriptor_parse(yyjson_obj_get(manifest, "subject"), &subject, err);

        if (ret < 0)
                return ret;
        if (!doc)
                return error_oom(err);
        entry = descriptor_new(doc, media_type, descriptor);
        yyjson_mut_doc_set_root(doc, entry);
        if (!type)
                type = json_text(yyjson_obj_get(manifest, "config"), "mediaType");
        if (type)
                yyjson_mut_obj_add_strcpy(doc, entry, "artifactType", type);
        if (annotations)
                yyjson_mut_obj_add_val(doc, entry, "annotations", yyjson_val_mut_copy(doc, annotations));
        ret = json_write(doc, false, &text, err);
        return ret < 0 ? ret : registry_referrers_add(registry, &subject.digest, buffer_slice(&text), err);
}

static int put_manifest(struct registry *registry, const char *name, const char *media_type,
                        struct slice manifest, const struct descriptor *descriptor, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        bool known = false;
        yyjson_val *root;
        int ret = json_parse(manifest, "manifest", &doc, err);

        if (ret == 0)
                ret = registry_manifest_put(registry, name, media_type, manifest, &known, err);
        root = yyjson_doc_get_root(doc);
        if (ret < 0 || known || !yyjson_obj_get(root, "subject"))
                return ret;
        return note_referrer(registry, media_type, root, descriptor, err);
}

int target_add_manifest(struct target *target, const char *media_type, struct slice manifest,
                        struct descriptor *out, struct error *err)
{
        char name[7 + SHA256_HEX_SIZE] = "sha256:";
        int ret;

        if (target->layout)
                return layout_writer_add(target->layout, manifest, out, err);
        ret = describe(manifest, out, err);
        if (ret < 0)
                return ret;
        sha256_hex(&out->digest, name + 7);
        return put_manifest(target->registry, name, media_type, manifest, out, err);
}

int target_commit(struct target *target, const char *tag, const char *media_type, struct slice manifest,
                  struct descriptor *out, struct error *err)
{
        int ret;

        if (target->registry) {
                ret = describe(manifest, out, err);
                return ret < 0 ? ret : put_manifest(target->registry, tag, media_type, manifest, out, err);
        }
        ret = layout_writer_add(target->layout, manifest, out, err);
        return ret < 0 ? ret : layout_writer_commit(target->layout, tag, media_type, out, err);
}
