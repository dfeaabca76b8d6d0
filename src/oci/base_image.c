/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/base_image.h"

#include <errno.h>
#include "base/json.h"
#include "base/process.h"
#include "oci/image_index.h"
#include "oci/layout_index.h"
#include "oci/registry_client.h"

#define STORAGE_TIMEOUT_MS 30000

/* True: Podman has it. Whatever else it says, the registry may know. */
static bool find_in_storage(const char *reference, struct sha256 *id)
{
        const char *const argv[] = {"podman",  "image", "inspect", "--format",
                                    "{{.Id}}", "--",    reference, NULL};
        const struct process_options options = {.argv = argv, .timeout_ms = STORAGE_TIMEOUT_MS};
        _cleanup_process_result_ struct process_result result = {0};
        char *text;

        if (process_run(&options, &result, NULL) < 0 || result.exit_status != 0)
                return false;
        text = (char *)result.output.data;
        if (result.output.size && text[result.output.size - 1] == '\n')
                text[result.output.size - 1] = '\0';
        return sha256_parse(buffer_text(&result.output), id);
}

static int get_manifest(struct registry *registry, const struct sha256 *digest, struct registry_manifest *out,
                        struct error *err)
{
        char name[7 + SHA256_HEX_SIZE] = "sha256:";

        sha256_hex(digest, name + 7);
        return registry_manifest_get(registry, name, out, err);
}

/* The manifest of an image itself. */
static int get_image(struct registry *registry, const struct sha256 *digest, const char *architecture,
                     struct registry_manifest *out, struct error *err)
{
        _cleanup_registry_manifest_ struct registry_manifest named = {0};
        struct descriptor chosen;
        int ret = get_manifest(registry, digest, &named, err);

        if (ret < 0)
                return ret;
        if (!image_index_type_is(named.media_type)) {
                *out = named;
                named = (struct registry_manifest){0};
                return 0;
        }
        ret = image_index_choose(buffer_slice(&named.text), architecture, &chosen, err);
        return ret < 0 ? ret : get_manifest(registry, &chosen.digest, out, err);
}

static int find_in_registry(const char *reference, const char *architecture,
                            const struct registry_access *access, struct sha256 *id, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference parsed = {0};
        _cleanup_registry_manifest_ struct registry_manifest manifest = {0};
        _cleanup_registry_ struct registry *registry = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct descriptor config;
        int ret = registry_reference_parse(reference, &parsed, err);

        if (ret == 0)
                ret = registry_open(&parsed, access, &registry, err);
        if (ret == 0)
                ret = get_image(registry, &parsed.digest, architecture, &manifest, err);
        if (ret == 0)
                ret = json_parse(buffer_slice(&manifest.text), "manifest", &doc, err);
        if (ret == 0)
                ret = descriptor_parse(yyjson_obj_get(yyjson_doc_get_root(doc), "config"), &config, err);
        if (ret == 0)
                *id = config.digest;
        return ret;
}

int base_image_id(const char *reference, const char *architecture, const struct registry_access *access,
                  struct sha256 *id, struct error *err)
{
        return find_in_storage(reference, id) ? 0
                                              : find_in_registry(reference, architecture, access, id, err);
}
