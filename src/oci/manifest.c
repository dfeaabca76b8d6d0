/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/utsname.h>
#include "base/json.h"
#include "net/headers.h"
#include "oci/layer_cipher.h"
#include "oci/layout_index.h"

/* The keys by which the engines know a checkpoint image; see docs/image.md. */
#define CRIU_KEY   "org.criu.checkpoint."
#define CRIO_KEY   "io.kubernetes.cri-o.annotations.checkpoint."
#define PODMAN_KEY "io.podman.annotations.checkpoint."

/* Of a layer of memory pages and nothing else: their size, for who need not fetch it. */
#define PAGES_KEY "org.criu.checkpoint.layer.pages"
#define IMAGE_KEY "org.opencontainers.image."

static const char *const checkpoint_keys[] = {CRIU_KEY "container.name", CRIO_KEY "name",
                                              PODMAN_KEY "runtime.name", PODMAN_KEY "name"};

static yyjson_val *facts_of(const struct metadata *metadata, const char *group)
{
        return yyjson_obj_get(yyjson_doc_get_root(metadata->facts), group);
}

/* Architecture names of Go, which the image-spec asks for. */
static const char *architecture_name(const char *machine)
{
        static const char *const names[][2] = {
                {"x86_64", "amd64"},    {"aarch64", "arm64"}, {"armv7l", "arm"},     {"i686", "386"},
                {"ppc64le", "ppc64le"}, {"s390x", "s390x"},   {"riscv64", "riscv64"}};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(machine, names[i][0]) == 0)
                        return names[i][1];
        return "unknown";
}

const char *manifest_architecture(void)
{
        struct utsname host;

        return architecture_name(uname(&host) == 0 ? host.machine : "");
}

/* Other engines do not say; a dump cannot have come from another architecture than one we can be on. */
const char *manifest_architecture_of(const struct metadata *metadata)
{
        const char *machine = json_text(facts_of(metadata, "host"), "architecture");

        return machine ? architecture_name(machine) : manifest_architecture();
}

static void digest_text(const struct sha256 *digest, char out[7 + SHA256_HEX_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
}

static const char *created_of(const struct metadata *metadata)
{
        return *metadata->checkpointed ? metadata->checkpointed : metadata->created;
}

/* Registries and runtimes know an image by the digest of its config: labels that no other checkpoint has. */
static yyjson_mut_val *labels_new(yyjson_mut_doc *doc, const struct metadata *metadata)
{
        yyjson_mut_val *labels = yyjson_mut_obj(doc);
        const char *id = json_text(yyjson_doc_get_root(metadata->facts), "id");

        if (id)
                yyjson_mut_obj_add_strcpy(doc, labels, "org.criu.checkpoint.id", id);
        yyjson_mut_obj_add_strcpy(doc, labels, "org.criu.checkpoint.container.id", metadata->container_id);
        if (*metadata->checkpointed)
                yyjson_mut_obj_add_strcpy(doc, labels, "org.criu.checkpoint.created", metadata->checkpointed);
        return labels;
}

int manifest_config(const struct metadata *metadata, const struct image_layer *layers, size_t count,
                    struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *config, *rootfs, *diff_ids;
        char digest[7 + SHA256_HEX_SIZE];

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        if (*created_of(metadata))
                yyjson_mut_obj_add_strcpy(doc, root, "created", created_of(metadata));
        yyjson_mut_obj_add_str(doc, root, "architecture", manifest_architecture_of(metadata));
        yyjson_mut_obj_add_str(doc, root, "os", "linux");
        config = yyjson_mut_obj(doc);
        yyjson_mut_obj_add_val(doc, root, "config", config);
        yyjson_mut_obj_add_str(doc, config, "WorkingDir", "/");
        yyjson_mut_obj_add_val(doc, config, "Labels", labels_new(doc, metadata));
        rootfs = yyjson_mut_obj(doc);
        diff_ids = yyjson_mut_arr(doc);
        yyjson_mut_obj_add_val(doc, root, "rootfs", rootfs);
        yyjson_mut_obj_add_str(doc, rootfs, "type", "layers");
        yyjson_mut_obj_add_val(doc, rootfs, "diff_ids", diff_ids);
        for (size_t i = 0; i < count; i++) {
                digest_text(&layers[i].diff_id, digest);
                yyjson_mut_arr_add_strcpy(doc, diff_ids, digest);
        }
        return json_write(doc, false, out, err);
}

/* Empty values say nothing, and engines take them for a wrong version. */
static void annotate(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *value)
{
        if (value && *value)
                yyjson_mut_obj_add(to, yyjson_mut_strcpy(doc, key), yyjson_mut_strcpy(doc, value));
}

static void annotate_host(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct metadata *metadata)
{
        yyjson_val *host = facts_of(metadata, "host"), *runtime = facts_of(metadata, "runtime");
        uint64_t criu = json_uint_or(facts_of(metadata, "criu"), "version", 0);
        uint64_t cgroup = json_uint_or(host, "cgroupVersion", 0);
        char criu_text[24] = "", cgroup_text[24] = "";

        if (criu)
                snprintf(criu_text, sizeof(criu_text), "%llu", (unsigned long long)criu);
        if (cgroup)
                snprintf(cgroup_text, sizeof(cgroup_text), "v%llu", (unsigned long long)cgroup);
        annotate(doc, to, CRIU_KEY "runtime.version", json_text(runtime, "version"));
        annotate(doc, to, CRIU_KEY "criu.version", criu_text);
        annotate(doc, to, CRIU_KEY "host.arch", manifest_architecture_of(metadata));
        annotate(doc, to, CRIU_KEY "host.kernel", json_text(host, "kernel"));
        annotate(doc, to, CRIU_KEY "cgroup.version", cgroup_text);
        annotate(doc, to, CRIU_KEY "distribution.name", json_text(host, "distribution"));
        annotate(doc, to, CRIO_KEY "criu.version", criu_text);
        annotate(doc, to, PODMAN_KEY "runtime.version", json_text(runtime, "version"));
        annotate(doc, to, PODMAN_KEY "criu.version", criu_text);
        annotate(doc, to, PODMAN_KEY "host.arch", manifest_architecture_of(metadata));
        annotate(doc, to, PODMAN_KEY "host.kernel", json_text(host, "kernel"));
        annotate(doc, to, PODMAN_KEY "cgroups.version", cgroup_text);
        annotate(doc, to, PODMAN_KEY "distribution.name", json_text(host, "distribution"));
}

static void annotate_image(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct metadata *metadata)
{
        const char *requested = *metadata->image_requested ? metadata->image_requested : metadata->image_name;
        const char *id = *metadata->image_id ? metadata->image_id : metadata->image_reference;
        const char *at = strrchr(metadata->image_reference, '@');

        annotate(doc, to, CRIU_KEY "rootfsImageName", metadata->image_name);
        annotate(doc, to, CRIU_KEY "rootfsImageUserRequested", requested);
        annotate(doc, to, CRIU_KEY "rootfsImageID", id);
        annotate(doc, to, CRIU_KEY "rawImageName", requested);
        annotate(doc, to, CRIO_KEY "rootfsImageName", metadata->image_name);
        annotate(doc, to, CRIO_KEY "rootfsImageID", metadata->image_id);
        annotate(doc, to, CRIO_KEY "rawImageName", requested);
        annotate(doc, to, PODMAN_KEY "rootfsImageName", metadata->image_name);
        annotate(doc, to, PODMAN_KEY "rootfsImageID", metadata->image_id);
        annotate(doc, to, PODMAN_KEY "rawImageName", requested);
        /* The name alone could be made to mean another image on the node that restores. */
        if (at) {
                annotate(doc, to, CRIU_KEY "rootfsImageSha", at + 1);
                annotate(doc, to, IMAGE_KEY "base.digest", at + 1);
                annotate(doc, to, IMAGE_KEY "base.name", metadata->image_name);
        }
}

/* Only what is named here: nothing that an archive says of itself becomes an annotation (CDI devices were
 * smuggled so, CVE-2026-53492). */
yyjson_mut_val *manifest_annotations(yyjson_mut_doc *doc, const struct metadata *metadata)
{
        yyjson_mut_val *to = yyjson_mut_obj(doc);
        const char *name = *metadata->container_name ? metadata->container_name : metadata->container_id;

        name = *name ? name : "checkpoint";
        annotate(doc, to, IMAGE_KEY "created", created_of(metadata));
        annotate(doc, to, CRIU_KEY "engine.name", engine_name(metadata->engine));
        annotate(doc, to, CRIU_KEY "container.name", name);
        annotate(doc, to, CRIU_KEY "pod.name", metadata->pod_name);
        annotate(doc, to, CRIU_KEY "pod.namespace", metadata->pod_namespace);
        annotate(doc, to, CRIU_KEY "pod.uid", metadata->pod_uid);
        annotate(doc, to, CRIU_KEY "runtime.name", metadata->runtime);
        annotate(doc, to, CRIO_KEY "name", name);
        annotate(doc, to, PODMAN_KEY "name", name);
        annotate(doc, to, PODMAN_KEY "runtime.name", metadata->runtime);
        annotate_image(doc, to, metadata);
        annotate_host(doc, to, metadata);
        return to;
}

void image_layers_free(struct image_layer *layers, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(layers[i].encryption);
                layers[i].encryption = NULL;
        }
}

static const char *layer_type(const struct image_layer *layer)
{
        bool plain = !layer->encryption;

        switch (layer->compression) {
        case COMPRESSION_GZIP:
                return plain ? MEDIA_LAYER "+gzip" : MEDIA_LAYER "+gzip" ENCRYPTED_SUFFIX;
        case COMPRESSION_ZSTD:
                return plain ? MEDIA_LAYER "+zstd" : MEDIA_LAYER "+zstd" ENCRYPTED_SUFFIX;
        default:
                return plain ? MEDIA_LAYER : MEDIA_LAYER ENCRYPTED_SUFFIX;
        }
}

yyjson_mut_val *descriptor_new(yyjson_mut_doc *doc, const char *type, const struct descriptor *blob)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc);
        char digest[7 + SHA256_HEX_SIZE];

        digest_text(&blob->digest, digest);
        yyjson_mut_obj_add_strcpy(doc, object, "mediaType", type);
        yyjson_mut_obj_add_strcpy(doc, object, "digest", digest);
        yyjson_mut_obj_add_uint(doc, object, "size", blob->size);
        return object;
}

static int add_layer(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct image_layer *layer,
                     struct error *err)
{
        yyjson_mut_val *object = descriptor_new(doc, layer_type(layer), &layer->blob), *annotations;
        _cleanup_json_ yyjson_doc *encryption = NULL;
        int ret;

        yyjson_mut_arr_append(list, object);
        if (!layer->encryption && !layer->pages)
                return 0;
        if (layer->encryption) {
                ret = json_parse(SLICE_TEXT(layer->encryption), "annotations", &encryption, err);
                if (ret < 0)
                        return ret;
                annotations = yyjson_val_mut_copy(doc, yyjson_doc_get_root(encryption));
        } else {
                annotations = yyjson_mut_obj(doc);
        }
        if (layer->pages) {
                char size[24];

                snprintf(size, sizeof(size), "%" PRIu64, layer->pages);
                yyjson_mut_obj_add_strcpy(doc, annotations, PAGES_KEY, size);
        }
        yyjson_mut_obj_add_val(doc, object, "annotations", annotations);
        return 0;
}

int manifest_write(const struct metadata *metadata, const struct descriptor *config,
                   const struct image_layer *layers, size_t count, struct buffer *out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root, *list;

        if (!doc)
                return error_oom(err);
        root = yyjson_mut_obj(doc);
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_uint(doc, root, "schemaVersion", 2);
        yyjson_mut_obj_add_str(doc, root, "mediaType", MEDIA_MANIFEST);
        yyjson_mut_obj_add_val(doc, root, "config", descriptor_new(doc, MEDIA_CONFIG, config));
        list = yyjson_mut_arr(doc);
        yyjson_mut_obj_add_val(doc, root, "layers", list);
        for (size_t i = 0; i < count; i++) {
                int ret = add_layer(doc, list, &layers[i], err);

                if (ret < 0)
                        return ret;
        }
        yyjson_mut_obj_add_val(doc, root, "annotations", manifest_annotations(doc, metadata));
        return json_write(doc, false, out, err);
}

/* Docker's media types differ only in name; Podman may have saved so. `length` without the suffix of
 * encrypted ones. */
static int layer_compression(const char *type, size_t length, enum compression *out)
{
        static const struct {
                const char *type;
                enum compression compression;
        } known[] = {
                {MEDIA_LAYER, COMPRESSION_NONE},
                {MEDIA_LAYER "+gzip", COMPRESSION_GZIP},
                {MEDIA_LAYER "+zstd", COMPRESSION_ZSTD},
                {"application/vnd.docker.image.rootfs.diff.tar.gzip", COMPRESSION_GZIP},
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strlen(known[i].type) == length && memcmp(type, known[i].type, length) == 0) {
                        *out = known[i].compression;
                        return 0;
                }
        return -ENOENT;
}

/* How the layer is encrypted, as text again. */
static int take_encryption(yyjson_val *annotations, struct image_layer *out, struct error *err)
{
        out->encryption = yyjson_val_write(annotations, 0, NULL);
        return out->encryption ? 0
                               : error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG,
                                           "the image has an encrypted layer without annotations");
}

static int parse_layer(yyjson_val *from, struct image_layer *out, struct error *err)
{
        const char *type = json_text_or(from, "mediaType", "");
        bool encrypted = text_ends_with(type, ENCRYPTED_SUFFIX);
        yyjson_val *annotations = yyjson_obj_get(from, "annotations");
        size_t length = strlen(type) - (encrypted ? strlen(ENCRYPTED_SUFFIX) : 0);
        int ret;

        if (layer_compression(type, length, &out->compression) < 0)
                return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG,
                                 "the image has a layer of the unknown type `%s`", type);
        ret = descriptor_parse(from, &out->blob, err);
        if (!http_number(json_text_or(annotations, PAGES_KEY, "0"), &out->pages))
                out->pages = 0;
        return ret < 0 || !encrypted ? ret : take_encryption(annotations, out, err);
}

static bool is_checkpoint(yyjson_val *annotations)
{
        for (size_t i = 0; i < ARRAY_SIZE(checkpoint_keys); i++)
                if (yyjson_obj_get(annotations, checkpoint_keys[i]))
                        return true;
        return false;
}

int manifest_parse(struct slice manifest, struct image_layer *layers, size_t *count, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root, *layer;
        yyjson_arr_iter each;
        int ret;

        *count = 0;
        ret = json_parse(manifest, "manifest", &doc, err);
        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(doc);
        if (!is_checkpoint(yyjson_obj_get(root, "annotations")))
                return error_set(err, &ERROR_IMAGE_NOT_CHECKPOINT, -EBADMSG,
                                 "the image has no annotation of a checkpoint");
        yyjson_arr_iter_init(yyjson_obj_get(root, "layers"), &each);
        while ((layer = yyjson_arr_iter_next(&each))) {
                if (*count == MANIFEST_LAYERS)
                        return error_set(err, &ERROR_IMAGE_LAYOUT, -EBADMSG, "the image has too many layers");
                layers[*count] = (struct image_layer){0};
                ret = parse_layer(layer, &layers[(*count)++], err);
                if (ret < 0)
                        return ret;
        }
        if (!*count)
                return error_set(err, &ERROR_IMAGE_NOT_CHECKPOINT, -EBADMSG, "the image has no layers");
        return 0;
}
