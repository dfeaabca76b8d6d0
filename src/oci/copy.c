/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/copy.h"

#include <errno.h>
#include "base/json.h"
#include "oci/image_index.h"
#include "oci/layout_index.h"
#include "oci/signature.h"
#include "oci/source.h"
#include "oci/target.h"

/* Indexes in indexes, and signatures of signatures; nobody nests deeper. */
#define DEPTH_MAX 4

#define BLOBS_MAX 256

struct copy {
        struct source *source;
        struct target *target;
        bool same_registry; /* blobs may be taken over inside it */
        bool one_name;      /* the target is an archive of a layout, which gets the image alone */
        const struct progress *progress;
        struct copy_result *result;
};

static int copy_manifest(struct copy *copy, const struct source_manifest *manifest, const char *tag,
                         unsigned depth, struct error *err);

static int send_blob(struct copy *copy, const struct descriptor *blob, struct error *err)
{
        _cleanup_source_blob_ struct source_blob *from = NULL;
        _cleanup_target_blob_ struct target_blob *to = NULL;
        struct descriptor written;
        struct slice chunk;
        uint64_t done = 0;
        int ret = source_blob_open(copy->source, blob, &from, err);

        if (ret == 0)
                ret = target_blob_open(copy->target, true, &to, err);
        if (ret < 0)
                return ret;
        while ((ret = source_blob_next(from, &chunk, err)) > 0) {
                ret = target_blob_append(to, chunk, err);
                if (ret < 0)
                        return ret;
                if (progress_cancelled(copy->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "copying was cancelled");
                done += chunk.size;
                progress_step(copy->progress, "copy", done, blob->size);
        }
        copy->result->bytes += done;
        return ret < 0 ? ret : target_blob_commit(to, &blob->digest, &written, err);
}

static int copy_blob(struct copy *copy, const struct descriptor *blob, struct error *err)
{
        struct registry *registry = target_registry(copy->target);
        bool there = false;
        int ret = target_has(copy->target, blob, &there, err);

        if (ret < 0)
                return ret;
        if (there) {
                copy->result->blobs_present++;
                return 0;
        }
        copy->result->blobs++;
        if (copy->same_registry)
                ret = registry_blob_mount(registry, blob, registry_repository(source_registry(copy->source)),
                                          &there, err);
        return ret < 0 || there ? ret : send_blob(copy, blob, err);
}

static int copy_blobs(struct copy *copy, const struct source_manifest *manifest, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct descriptor blob;
        yyjson_val *root, *layers, *layer;
        yyjson_arr_iter each;
        int ret = json_parse(buffer_slice(&manifest->text), "manifest", &doc, err);

        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(doc);
        layers = yyjson_obj_get(root, "layers");
        if (yyjson_arr_size(layers) > BLOBS_MAX)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "`%s`: an image has %zu layers",
                                 source_name(copy->source), yyjson_arr_size(layers));
        ret = descriptor_parse(yyjson_obj_get(root, "config"), &blob, err);
        if (ret == 0)
                ret = copy_blob(copy, &blob, err);
        yyjson_arr_iter_init(layers, &each);
        while (ret == 0 && (layer = yyjson_arr_iter_next(&each))) {
                ret = descriptor_parse(layer, &blob, err);
                if (ret == 0)
                        ret = copy_blob(copy, &blob, err);
        }
        return ret;
}

static int copy_listed(struct copy *copy, const struct descriptor *which, bool is_index, unsigned depth,
                       struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        int ret;

        if (depth == DEPTH_MAX)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "`%s`: images are nested too deeply",
                                 source_name(copy->source));
        ret = source_listed(copy->source, which, is_index, &manifest, err);
        return ret < 0 ? ret : copy_manifest(copy, &manifest, NULL, depth, err);
}

static int copy_entries(struct copy *copy, struct slice index, unsigned depth, struct error *err)
{
        _cleanup_free_ struct image_index_entry *entries = NULL;
        size_t count;
        int ret = image_index_parse(index, &entries, &count, err);

        for (size_t i = 0; i < count && ret == 0; i++)
                ret = copy_listed(copy, &entries[i].descriptor, entries[i].is_index, depth + 1, err);
        return ret;
}

/* What refers to an image is named by nothing else. */
static int copy_referrers(struct copy *copy, const struct descriptor *subject, unsigned depth,
                          struct error *err)
{
        _cleanup_buffer_ struct buffer index = {0};
        int ret = registry_referrers(source_registry(copy->source), &subject->digest, NULL, &index, err);

        return ret < 0 ? ret : copy_entries(copy, buffer_slice(&index), depth, err);
}

/* cosign names what it signs with a tag: "sha256-….sig". */
static int copy_signature(struct copy *copy, const struct descriptor *subject, unsigned depth,
                          struct error *err)
{
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        char tag[SIGNATURE_TAG_SIZE];
        struct error absent = {0};
        int ret;

        ret = source_tagged(copy->source, signature_tag(&subject->digest, tag), &manifest, &absent);
        if (ret == -ENOENT)
                return 0;
        if (ret < 0) {
                if (err)
                        *err = absent;
                return ret;
        }
        return copy_manifest(copy, &manifest, tag, depth + 1, err);
}

static int copy_companions(struct copy *copy, const struct source_manifest *manifest, unsigned depth,
                           struct error *err)
{
        int ret;

        if (copy->one_name || depth + 1 >= DEPTH_MAX)
                return 0;
        if (source_registry(copy->source) && target_registry(copy->target)) {
                ret = copy_referrers(copy, &manifest->descriptor, depth, err);
                if (ret < 0)
                        return ret;
        }
        return copy_signature(copy, &manifest->descriptor, depth, err);
}

/* `tag` NULL: it is known by its digest alone. */
static int copy_manifest(struct copy *copy, const struct source_manifest *manifest, const char *tag,
                         unsigned depth, struct error *err)
{
        struct slice text = buffer_slice(&manifest->text);
        struct descriptor written;
        int ret = manifest->is_index ? copy_entries(copy, text, depth, err) : copy_blobs(copy, manifest, err);

        /* Whoever finds the image finds its signature. */
        if (ret == 0)
                ret = copy_companions(copy, manifest, depth, err);
        if (ret == 0)
                ret = tag ? target_commit(copy->target, tag, manifest->media_type, text, &written, err)
                          : target_add_manifest(copy->target, manifest->media_type, text, &written, err);
        copy->result->images += ret == 0;
        return ret;
}

static int copy_image(struct copy *copy, const char *tag, struct error *err)
{
        const struct registry *from = source_registry(copy->source), *to = target_registry(copy->target);
        _cleanup_source_manifest_ struct source_manifest manifest = {0};
        int ret = source_manifest(copy->source, &manifest, err);

        if (ret < 0)
                return ret;
        copy->same_registry = from && to && strcmp(registry_host(from), registry_host(to)) == 0;
        copy->result->manifest = manifest.descriptor.digest;
        /* A registry would refuse it under another digest, but a layout would name it so. */
        if (text_starts_with(tag, "sha256:"))
                return copy_manifest(copy, &manifest, NULL, 0, err);
        return copy_manifest(copy, &manifest, tag, 0, err);
}

int image_copy(const struct image_reference *from, const struct image_reference *to,
               const struct copy_options *options, const struct progress *progress, struct copy_result *out,
               struct error *err)
{
        _cleanup_source_ struct source *source = NULL;
        _cleanup_target_ struct target *target = NULL;
        struct copy copy = {
                .progress = progress, .result = out, .one_name = to->transport == IMAGE_OCI_ARCHIVE};
        int ret;

        *out = (struct copy_result){0};
        ret = source_open(from, options->from_access, &source, err);
        if (ret == 0)
                ret = target_open(to, options->to_access, &target, err);
        if (ret < 0)
                return ret;
        copy.source = source;
        copy.target = target;
        return copy_image(&copy, to->tag, err);
}

int image_copy_tag(struct registry *from, struct registry *to, const char *tag,
                   const struct progress *progress, struct copy_result *out, struct error *err)
{
        _cleanup_source_ struct source *source = NULL;
        _cleanup_target_ struct target *target = NULL;
        struct copy copy = {.progress = progress, .result = out};
        int ret;

        *out = (struct copy_result){0};
        ret = source_of(from, tag, &source, err);
        if (ret == 0)
                ret = target_of(to, &target, err);
        if (ret < 0)
                return ret;
        copy.source = source;
        copy.target = target;
        return copy_image(&copy, tag, err);
}
