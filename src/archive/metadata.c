/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/metadata.h"

#include <errno.h>
#include "base/json.h"

#define SHA256_HEX 64

const char *engine_name(enum engine engine)
{
        static const char *const names[] = {[ENGINE_CRIO] = "CRI-O",
                                            [ENGINE_CONTAINERD] = "containerd",
                                            [ENGINE_PODMAN] = "Podman",
                                            [ENGINE_OCI] = "OCI"};

        return names[engine];
}

static yyjson_val *root_of(const yyjson_doc *doc)
{
        return yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc);
}

static const char *annotation(const struct metadata *metadata, const char *key)
{
        return json_text(yyjson_obj_get(root_of(metadata->spec), "annotations"), key);
}

/* Replaces the text by a copy of the first one given that is known and not empty. */
static int set_text(char **to, const char *first, const char *second)
{
        const char *from = first && *first ? first : second && *second ? second : *to ? *to : "";
        char *copy = strdup(from);

        if (!copy)
                return -ENOMEM;
        free(*to);
        *to = copy;
        return 0;
}

/* Own bare-bundle archives say so; otherwise the engine is known by what it writes into the specification. */
static enum engine engine_of(const struct archive *archive, const struct metadata *metadata)
{
        const char *driver = json_text_or(yyjson_obj_get(root_of(metadata->facts), "source"), "driver", "");
        const char *manager = annotation(metadata, "io.container.manager");

        if (strcmp(driver, "crun") == 0 || strcmp(driver, "runc") == 0 || strcmp(driver, "oci") == 0)
                return ENGINE_OCI;
        if (manager && strcmp(manager, "libpod") == 0)
                return ENGINE_PODMAN;
        if (manager && strcmp(manager, "cri-o") == 0)
                return ENGINE_CRIO;
        if (annotation(metadata, "io.kubernetes.cri.container-type") || archive_find(archive, "status.dump"))
                return ENGINE_CONTAINERD;
        return metadata->config ? ENGINE_CONTAINERD : ENGINE_OCI;
}

/* What config.dump of every engine has, and our own facts where it has not. */
static int load_common(struct metadata *metadata)
{
        yyjson_val *config = root_of(metadata->config), *facts = root_of(metadata->facts);
        yyjson_val *source = yyjson_obj_get(facts, "source");

        if (set_text(&metadata->container_id, json_text(config, "id"), json_text(source, "containerId")) <
                    0 ||
            set_text(&metadata->container_name, json_text(config, "name"),
                     json_text(source, "containerName")) < 0 ||
            set_text(&metadata->image_name, json_text(config, "rootfsImageName"),
                     json_text(source, "image")) < 0 ||
            set_text(&metadata->image_requested, json_text(config, "rootfsImage"), NULL) < 0 ||
            set_text(&metadata->image_id, json_text(source, "imageId"), NULL) < 0 ||
            set_text(&metadata->runtime, json_text(config, "runtime"),
                     json_text(yyjson_obj_get(facts, "runtime"), "name")) < 0 ||
            set_text(&metadata->created, json_text(config, "createdTime"), NULL) < 0 ||
            set_text(&metadata->checkpointed, json_text(config, "checkpointedTime"),
                     json_text(facts, "createdAt")) < 0)
                return -ENOMEM;
        return 0;
}

/* The pod as the kubelet's labels name it. */
static int load_pod(struct metadata *metadata)
{
        if (set_text(&metadata->pod_name, annotation(metadata, "io.kubernetes.pod.name"),
                     annotation(metadata, "io.kubernetes.cri.sandbox-name")) < 0 ||
            set_text(&metadata->pod_namespace, annotation(metadata, "io.kubernetes.pod.namespace"),
                     annotation(metadata, "io.kubernetes.cri.sandbox-namespace")) < 0 ||
            set_text(&metadata->pod_uid, annotation(metadata, "io.kubernetes.pod.uid"),
                     annotation(metadata, "io.kubernetes.cri.sandbox-uid")) < 0)
                return -ENOMEM;
        return 0;
}

/* rootfsImageRef is an image ID with CRI-O, repository@digest with containerd. */
static int set_image_ref(struct metadata *metadata)
{
        const char *ref = json_text_or(root_of(metadata->config), "rootfsImageRef", "");
        bool is_id = strlen(ref) == SHA256_HEX && strspn(ref, "0123456789abcdef") == SHA256_HEX;

        if (strstr(ref, "@sha256:"))
                return set_text(&metadata->image_reference, ref, NULL);
        return is_id ? set_text(&metadata->image_id, ref, NULL) : 0;
}

/* Length of an image name without its tag. */
static size_t repository_size(const char *name)
{
        const char *colon = strrchr(name, ':'), *slash = strrchr(name, '/');

        return colon && (!slash || colon > slash) ? (size_t)(colon - name) : strlen(name);
}

/* Of "repo@sha256:…,repo@sha256:…" the one whose repository is that of the image name, else the first. */
static int set_repo_digest(struct metadata *metadata, const char *list)
{
        _cleanup_free_ char *copy = strdup(list), *best = NULL;
        size_t repository = repository_size(metadata->image_name);
        char *rest = copy, *each;

        if (!copy)
                return -ENOMEM;
        while ((each = strsep(&rest, ","))) {
                bool same = strncmp(each, metadata->image_name, repository) == 0 && each[repository] == '@';

                if (!strstr(each, "@sha256:") || (best && !same))
                        continue;
                free(best);
                best = strdup(each);
                if (!best)
                        return -ENOMEM;
                if (same)
                        break;
        }
        return set_text(&metadata->image_reference, best, NULL);
}

static int load_crio(struct metadata *metadata, struct error *err)
{
        const char *text = annotation(metadata, "io.kubernetes.cri-o.Metadata");
        const char *digests = annotation(metadata, "io.kubernetes.cri-o.ImageRepoDigests");
        _cleanup_json_ yyjson_doc *name = NULL;
        int ret;

        if (text) {
                ret = json_parse(SLICE_TEXT(text), "io.kubernetes.cri-o.Metadata", &name, err);
                if (ret < 0)
                        return ret;
        }
        if (set_text(&metadata->container_name, json_text(root_of(name), "name"), NULL) < 0 ||
            set_text(&metadata->created, annotation(metadata, "io.kubernetes.cri-o.Created"), NULL) < 0 ||
            set_text(&metadata->ip, annotation(metadata, "io.kubernetes.cri-o.IP.0"), NULL) < 0 ||
            set_image_ref(metadata) < 0 || (digests && set_repo_digest(metadata, digests) < 0))
                return error_oom(err);
        return 0;
}

static int load_containerd(struct metadata *metadata, struct error *err)
{
        if (set_text(&metadata->container_name, annotation(metadata, "io.kubernetes.cri.container-name"),
                     NULL) < 0 ||
            set_image_ref(metadata) < 0)
                return error_oom(err);
        return 0;
}

/* {"network": {"interfaces": {"eth0": {"subnets": [{"ipnet": "10.88.0.2/16"}], "mac_address": "…"}}}} or
 * null: the first interface that has an address. */
static int load_network(struct metadata *metadata, yyjson_val *status)
{
        yyjson_val *network, *interface, *key;
        yyjson_obj_iter networks, interfaces;

        yyjson_obj_iter_init(status, &networks);
        while ((key = yyjson_obj_iter_next(&networks))) {
                network = yyjson_obj_iter_get_val(key);
                yyjson_obj_iter_init(yyjson_obj_get(network, "interfaces"), &interfaces);
                while ((key = yyjson_obj_iter_next(&interfaces))) {
                        yyjson_val *subnet;
                        const char *address;

                        interface = yyjson_obj_iter_get_val(key);
                        subnet = yyjson_arr_get_first(yyjson_obj_get(interface, "subnets"));
                        address = json_text(subnet, "ipnet");
                        if (!address)
                                continue;
                        if (set_text(&metadata->ip, address, NULL) < 0 ||
                            set_text(&metadata->mac, json_text(interface, "mac_address"), NULL) < 0)
                                return -ENOMEM;
                        metadata->ip[strcspn(metadata->ip, "/")] = '\0';
                        return 0;
                }
        }
        return 0;
}

/* Podman's own files do not know the digest of the image's manifest; our facts may. */
static int set_image_digest(struct metadata *metadata)
{
        const char *digest = json_text(yyjson_obj_get(root_of(metadata->facts), "source"), "imageDigest");
        struct sha256 parsed;

        if (!digest || !text_starts_with(digest, "sha256:") || !sha256_parse(digest, &parsed) ||
            !*metadata->image_name)
                return 0;
        free(metadata->image_reference);
        if (asprintf(&metadata->image_reference, "%.*s@%s", (int)repository_size(metadata->image_name),
                     metadata->image_name, digest) < 0) {
                metadata->image_reference = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int load_podman(const struct archive *archive, struct metadata *metadata, struct error *err)
{
        yyjson_val *config = root_of(metadata->config);
        _cleanup_json_ yyjson_doc *status = NULL;

        if (archive_find(archive, "network.status")) {
                int ret = archive_read_json(archive, "network.status", &status, err);

                if (ret < 0)
                        return ret;
        }
        if (set_text(&metadata->image_id, json_text(config, "rootfsImageID"), NULL) < 0 ||
            set_text(&metadata->image_requested, json_text(config, "RawImageName"), NULL) < 0 ||
            load_network(metadata, root_of(status)) < 0 || set_image_digest(metadata) < 0)
                return error_oom(err);
        return 0;
}

static int load_engine(const struct archive *archive, struct metadata *metadata, struct error *err)
{
        if (set_text(&metadata->ip, NULL, NULL) < 0 || set_text(&metadata->mac, NULL, NULL) < 0 ||
            set_text(&metadata->image_reference, NULL, NULL) < 0 || load_common(metadata) < 0 ||
            load_pod(metadata) < 0)
                return error_oom(err);
        switch (metadata->engine) {
        case ENGINE_CRIO:
                return load_crio(metadata, err);
        case ENGINE_CONTAINERD:
                return load_containerd(metadata, err);
        case ENGINE_PODMAN:
                return load_podman(archive, metadata, err);
        case ENGINE_OCI:
                break;
        }
        return set_image_ref(metadata) < 0 ? error_oom(err) : 0;
}

static void measure(const struct archive *archive, struct metadata *metadata)
{
        const struct archive_member *diff = archive_find(archive, "rootfs-diff.tar");

        metadata->checkpoint_size = metadata->pages_size = archive_absent_size(archive);
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);

                if (!text_starts_with(member->name, "checkpoint/"))
                        continue;
                metadata->checkpoint_size += member->size;
                if (text_starts_with(member->name, "checkpoint/pages-"))
                        metadata->pages_size += member->size;
                else if (text_starts_with(member->name, "checkpoint/amdgpu-pages-"))
                        metadata->gpu_pages_size += member->size;
        }
        metadata->has_rootfs_diff = diff != NULL;
        metadata->rootfs_diff_size = diff ? diff->size : 0;
}

/* Absent is fine. */
static int load_json(const struct archive *archive, const char *name, yyjson_doc **out, struct error *err)
{
        int ret;

        if (!archive_find(archive, name))
                return 0;
        ret = archive_read_json(archive, name, out, err);
        if (ret < 0)
                return ret;
        if (!yyjson_is_obj(root_of(*out)))
                return error_set(err, &ERROR_ARCHIVE_METADATA, -EBADMSG,
                                 "`%s`, member `%s` is not a JSON object", archive_path(archive), name);
        return 0;
}

int metadata_load(const struct archive *archive, struct metadata **out, struct error *err)
{
        _cleanup_metadata_ struct metadata *metadata = calloc(1, sizeof(*metadata));
        int ret;

        if (!metadata)
                return error_oom(err);
        /* snap.json first: its frame was expanded when the archive was opened. */
        if ((ret = load_json(archive, "snap.json", &metadata->facts, err)) < 0 ||
            (ret = load_json(archive, "config.dump", &metadata->config, err)) < 0 ||
            (ret = load_json(archive, "spec.dump", &metadata->spec, err)) < 0)
                return ret;
        /* Only CRIU's own directory, which no engine has described, may do without. */
        if (!metadata->config && archive_form(archive) != ARCHIVE_DIRECTORY)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT,
                                 "`%s` has no member `config.dump`", archive_path(archive));
        metadata->engine = engine_of(archive, metadata);
        ret = load_engine(archive, metadata, err);
        if (ret < 0)
                return ret;
        measure(archive, metadata);
        *out = steal_ptr(metadata);
        return 0;
}

void metadata_free(struct metadata *metadata)
{
        if (!metadata)
                return;
        free(metadata->container_id);
        free(metadata->container_name);
        free(metadata->pod_name);
        free(metadata->pod_namespace);
        free(metadata->pod_uid);
        free(metadata->image_name);
        free(metadata->image_requested);
        free(metadata->image_id);
        free(metadata->image_reference);
        free(metadata->runtime);
        free(metadata->created);
        free(metadata->checkpointed);
        free(metadata->ip);
        free(metadata->mac);
        yyjson_doc_free(metadata->config);
        yyjson_doc_free(metadata->spec);
        yyjson_doc_free(metadata->facts);
        free(metadata);
}
