/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "cli/answer.h"
#include "cli/node.h"
#include "program/memory.h"
#include "cli/registry_options.h"
#include "cli/verb.h"

#define DIGEST_SIZE (7 + SHA256_HEX_SIZE)

/* What else would go with a tag, on a registry that deletes only whole manifests. */
struct others {
        struct registry *registry;
        const char *tag; /* the one to be deleted */
        const struct sha256 *digest;
        struct buffer names;
};

static int note_other(void *context, const char *tag, struct error *err)
{
        struct others *others = context;
        _cleanup_registry_manifest_ struct registry_manifest manifest = {0};
        int ret;

        if (strcmp(tag, others->tag) == 0)
                return 0;
        ret = registry_manifest_head(others->registry, tag, &manifest, err);
        if (ret == -ENOENT)
                return 0; /* deleted meanwhile */
        if (ret == 0 && sha256_equal(&manifest.descriptor.digest, others->digest))
                memory_check(buffer_printf(&others->names, "%s%s", others->names.size ? ", " : "", tag));
        return ret;
}

static char *digest_text(const struct sha256 *digest, char out[DIGEST_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
        return out;
}

/* Deletes the manifest that the tag names, if that takes no other tag with it. */
static int remove_manifest_of(struct registry *registry, const char *tag, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest manifest = {0};
        struct others others = {.registry = registry, .tag = tag, .digest = &manifest.descriptor.digest};
        char digest[DIGEST_SIZE];
        int ret = registry_manifest_head(registry, tag, &manifest, err);

        if (ret == 0)
                ret = registry_tags(registry, note_other, &others, err);
        if (ret == 0 && others.names.size) {
                ret = error_set(err, &ERROR_REGISTRY_NOT_ALLOWED, -EOPNOTSUPP,
                                "`%s` cannot delete a tag alone, and `%s` is also tagged %s",
                                registry_name(registry), tag, buffer_text(&others.names));
                error_set_hint(err, "To delete the image with all its tags: docker://%s@%s",
                               registry_name(registry), digest_text(&manifest.descriptor.digest, digest));
        }
        buffer_free(&others.names);
        if (ret < 0)
                return ret;
        return registry_manifest_delete(registry, digest_text(&manifest.descriptor.digest, digest), err);
}

static int remove_tag(struct registry *registry, const char *tag, struct error *err)
{
        int ret = registry_manifest_delete(registry, tag, err);

        /* Before distribution-spec 1.0, only digests could be deleted; such registries find a tag malformed.
         */
        if (ret == -EOPNOTSUPP || ret == -EIO)
                ret = remove_manifest_of(registry, tag, err);
        return ret;
}

static int print_result(bool json, const char *name, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;

        if (!json) {
                printf("Deleted: %s\n", name);
                return 0;
        }
        doc = answer_new();
        yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
        answer_add_text(doc, yyjson_mut_doc_get_root(doc), "deleted", name);
        return answer_print(doc, err);
}

static int remove_from_node(const struct cli *cli, const char *checkpoint, struct error *err)
{
        _cleanup_buffer_ struct buffer path = {0};
        int ret = node_checkpoint_path(checkpoint, "", &path, err);

        if (ret == 0)
                ret = node_ask("DELETE", buffer_text(&path), NULL, NULL, err);
        return ret < 0 ? ret : print_result(cli->json, checkpoint, err);
}

static int remove_from_registry(const struct cli *cli, const char *image, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        _cleanup_registry_ struct registry *registry = NULL;
        _cleanup_buffer_ struct buffer name = {0};
        char digest[DIGEST_SIZE];
        int ret = registry_reference_parse(image, &reference, err);

        if (ret < 0)
                return ret;
        /* "latest" must be meant, not assumed. */
        if (!reference.has_digest && !text_ends_with(image, reference.tag))
                return error_set(err, &ERROR_USAGE, -EINVAL, "`%s` names neither a tag nor a digest", image);
        ret = registry_open(&reference, &registry_access, &registry, err);
        if (ret == 0)
                ret = reference.has_digest ? registry_manifest_delete(
                                                     registry, digest_text(&reference.digest, digest), err)
                                           : remove_tag(registry, reference.tag, err);
        if (ret < 0)
                return ret;
        memory_check(registry_reference_append(&reference, &name));
        return print_result(cli->json, buffer_text(&name), err);
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        return node_is_used() ? remove_from_node(cli, argv[0], err) : remove_from_registry(cli, argv[0], err);
}

const struct verb verb_rm = {
        .name = "rm",
        .usage = "docker://REGISTRY/REPOSITORY:TAG|@DIGEST|CHECKPOINT",
        .summary = "delete an image from a registry, or a checkpoint of a node",
        .description =
                "Deletes a tag, or with @sha256:… an image and all its tags. Where the registry can delete "
                "only "
                "whole images, a tag is deleted when the image has no other. What becomes unused is freed by "
                "the registry's own garbage collection.\n\n"
                "With --node, deletes a CHECKPOINT of that node, by its id or path, unless it is "
                "pinned.\n\n" REGISTRY_OPTIONS_TEXT,
        .examples =
                "checkpointctl rm docker://registry.example/checkpoints/web:monday\tdelete one tag\n"
                "checkpointctl rm --node unix:/run/snap/sidecar.sock 01KB…\tdelete a checkpoint of this node",
        .arguments_min = 1,
        .arguments_max = 1,
        .reaches_nodes = true,
        .reaches_registries = true,
        .run = run,
};
