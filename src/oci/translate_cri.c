/* SPDX-License-Identifier: Apache-2.0 */
/* What containerd and CRI-O read when they restore a container that the CRI asks for. */
#include <errno.h>
#include "oci/translate_private.h"

/* Labels and annotations that the kubelet gives to a container and expects back. */
#define KUBE_HASH          "io.kubernetes.container.hash"
#define KUBE_RESTARTS      "io.kubernetes.container.restartCount"
#define KUBE_NAME          "io.kubernetes.container.name"
#define KUBE_POD_NAME      "io.kubernetes.pod.name"
#define KUBE_POD_NAMESPACE "io.kubernetes.pod.namespace"
#define KUBE_POD_UID       "io.kubernetes.pod.uid"

#define CRIO       "io.kubernetes.cri-o."
#define CONTAINERD "io.kubernetes.cri."

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, const char *value)
{
        if (*value)
                yyjson_mut_obj_add_strcpy(doc, to, key, value);
}

/* An empty object that is the document. */
static yyjson_mut_val *root_new(yyjson_mut_doc *doc)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        yyjson_mut_doc_set_root(doc, root);
        return root;
}

/* An object within `to`. */
static yyjson_mut_val *object_in(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_val(doc, to, key, object);
        return object;
}

static const char *name_of(const struct metadata *metadata)
{
        return *metadata->container_name ? metadata->container_name : metadata->container_id;
}

static void fill_labels(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct metadata *metadata)
{
        yyjson_mut_obj_add_strcpy(doc, to, KUBE_NAME, name_of(metadata));
        add_text(doc, to, KUBE_POD_NAME, metadata->pod_name);
        add_text(doc, to, KUBE_POD_NAMESPACE, metadata->pod_namespace);
        add_text(doc, to, KUBE_POD_UID, metadata->pod_uid);
}

/* Both engines replace the hash by that of the new pod, which the kubelet insists on, only if there is one;
 * the kubelet does not read a container without a number of restarts. */
static void fill_annotations(yyjson_mut_doc *doc, yyjson_mut_val *to)
{
        yyjson_mut_obj_add_str(doc, to, KUBE_HASH, "0");
        yyjson_mut_obj_add_str(doc, to, KUBE_RESTARTS, "0");
}

static int add_config(struct translation *translation, const char *image, const char *image_name,
                      const char *reference, const char *runtime, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root;
        char time[RFC3339_SIZE];

        if (!doc)
                return error_oom(err);
        root = root_new(doc);
        yyjson_mut_obj_add_strcpy(doc, root, "id", metadata->container_id);
        yyjson_mut_obj_add_strcpy(doc, root, "name", name_of(metadata));
        yyjson_mut_obj_add_strcpy(doc, root, "rootfsImage", image);
        yyjson_mut_obj_add_strcpy(doc, root, "rootfsImageRef", reference);
        yyjson_mut_obj_add_strcpy(doc, root, "rootfsImageName", image_name);
        yyjson_mut_obj_add_strcpy(doc, root, "runtime", runtime);
        yyjson_mut_obj_add_strcpy(doc, root, "createdTime", translation_time(metadata->created, time));
        yyjson_mut_obj_add_strcpy(doc, root, "checkpointedTime",
                                  translation_time(metadata->checkpointed, time));
        yyjson_mut_obj_add_strcpy(doc, root, "restoredTime", translation_time("", time));
        yyjson_mut_obj_add_bool(doc, root, "restored", false);
        return translation_add_json(translation, "config.dump", doc, err);
}

/* Of the specification the engines take the paths of mounts, and CRI-O refuses a pod that does not mount
 * them. Where they come from is the pod's to say. */
static void fill_mounts(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct criu_ties *ties)
{
        yyjson_mut_val *list = yyjson_mut_arr(doc);

        yyjson_mut_obj_add_val(doc, spec, "mounts", list);
        for (size_t i = 0; i < ties->mount_count; i++) {
                yyjson_mut_val *mount = yyjson_mut_arr_add_obj(doc, list);

                yyjson_mut_obj_add_strcpy(doc, mount, "destination", ties->mounts[i]);
                yyjson_mut_obj_add_str(doc, mount, "type", "bind");
                yyjson_mut_obj_add_str(doc, mount, "source", "");
        }
}

/* A specification without annotations yet; returns them. */
static yyjson_mut_val *fill_spec(yyjson_mut_doc *doc, const struct translation *translation)
{
        yyjson_mut_val *root = root_new(doc), *annotations;

        yyjson_mut_obj_add_str(doc, root, "ociVersion", "1.0.2");
        yyjson_mut_obj_add_str(doc, object_in(doc, root, "root"), "path", "rootfs");
        fill_mounts(doc, root, translation->ties);
        annotations = object_in(doc, root, "annotations");
        object_in(doc, root, "linux");
        return annotations;
}

/* --- containerd -------------------------------------------------------------------------------------- */

static int containerd_spec(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *to;

        if (!doc)
                return error_oom(err);
        to = fill_spec(doc, translation);
        yyjson_mut_obj_add_str(doc, to, CONTAINERD "container-type", "container");
        yyjson_mut_obj_add_strcpy(doc, to, CONTAINERD "container-name", name_of(metadata));
        add_text(doc, to, CONTAINERD "image-name", metadata->image_name);
        add_text(doc, to, CONTAINERD "sandbox-name", metadata->pod_name);
        add_text(doc, to, CONTAINERD "sandbox-namespace", metadata->pod_namespace);
        add_text(doc, to, CONTAINERD "sandbox-uid", metadata->pod_uid);
        return translation_add_json(translation, "spec.dump", doc, err);
}

/* The CRI's ContainerStatus as Go writes it. */
static int containerd_status(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root;

        if (!doc)
                return error_oom(err);
        root = root_new(doc);
        yyjson_mut_obj_add_strcpy(doc, root, "id", metadata->container_id);
        yyjson_mut_obj_add_strcpy(doc, object_in(doc, root, "metadata"), "name", name_of(metadata));
        yyjson_mut_obj_add_uint(doc, root, "state", 1); /* running */
        yyjson_mut_obj_add_strcpy(doc, object_in(doc, root, "image"), "image", metadata->image_name);
        yyjson_mut_obj_add_strcpy(doc, root, "image_ref", metadata->image_reference);
        fill_labels(doc, object_in(doc, root, "labels"), metadata);
        fill_annotations(doc, object_in(doc, root, "annotations"));
        return translation_add_json(translation, "status.dump", doc, err);
}

int translate_for_containerd(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        int ret;

        if (!*metadata->image_reference || text_starts_with(metadata->image_reference, "localhost/")) {
                ret = error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                "containerd pulls the base image by digest, and %s%s",
                                *metadata->image_reference ? "nobody else can pull "
                                                           : "the archive does not say one",
                                metadata->image_reference);
                error_set_hint(err, "Name it as `--base REGISTRY/NAME@sha256:DIGEST`.");
                return ret;
        }
        ret = add_config(translation, metadata->image_requested, metadata->image_name,
                         metadata->image_reference, "io.containerd.runc.v2", err);
        if (ret == 0)
                ret = containerd_spec(translation, err);
        return ret == 0 ? containerd_status(translation, err) : ret;
}

/* --- CRI-O ------------------------------------------------------------------------------------------- */

/* JSON within a text. */
static int add_json_text(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *key, yyjson_mut_doc *inner,
                         struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = json_write(inner, false, &text, err);

        if (ret == 0 && !yyjson_mut_obj_add_strcpy(doc, to, key, buffer_text(&text)))
                ret = error_oom(err);
        return ret;
}

static int crio_json_annotations(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct metadata *metadata,
                                 struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *annotations = yyjson_mut_doc_new(NULL);
        _cleanup_json_mut_ yyjson_mut_doc *labels = yyjson_mut_doc_new(NULL);
        _cleanup_json_mut_ yyjson_mut_doc *name = yyjson_mut_doc_new(NULL);
        int ret;

        if (!annotations || !labels || !name)
                return error_oom(err);
        fill_annotations(annotations, root_new(annotations));
        fill_labels(labels, root_new(labels), metadata);
        yyjson_mut_obj_add_strcpy(name, root_new(name), "name", name_of(metadata));
        ret = add_json_text(doc, to, CRIO "Annotations", annotations, err);
        if (ret == 0)
                ret = add_json_text(doc, to, CRIO "Labels", labels, err);
        return ret == 0 ? add_json_text(doc, to, CRIO "Metadata", name, err) : ret;
}

static int crio_spec(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *to;
        char time[RFC3339_SIZE];
        int ret;

        if (!doc)
                return error_oom(err);
        to = fill_spec(doc, translation);
        yyjson_mut_obj_add_str(doc, to, "io.container.manager", "cri-o");
        yyjson_mut_obj_add_str(doc, to, CRIO "ContainerType", "container");
        yyjson_mut_obj_add_strcpy(doc, to, CRIO "ContainerID", metadata->container_id);
        yyjson_mut_obj_add_strcpy(doc, to, CRIO "Created", translation_time(metadata->created, time));
        add_text(doc, to, CRIO "Image", metadata->image_requested);
        add_text(doc, to, CRIO "ImageName", metadata->image_name);
        add_text(doc, to, CRIO "ImageRef", metadata->image_id);
        add_text(doc, to, CRIO "ImageRepoDigests", metadata->image_reference);
        fill_labels(doc, to, metadata);
        ret = crio_json_annotations(doc, to, metadata, err);
        return ret == 0 ? translation_add_json(translation, "spec.dump", doc, err) : ret;
}

/* CRI-O takes an ID for rootfsImageRef and nothing else; without one it looks for rootfsImageName, which then
 * has to have a digest. */
int translate_for_crio(struct translation *translation, struct error *err)
{
        const struct metadata *metadata = &translation->metadata;
        const char *name = *metadata->image_id ? metadata->image_name : metadata->image_reference;
        int ret;

        if (!*metadata->image_id && !*metadata->image_reference) {
                ret = error_set(err, &ERROR_TRANSLATION, -ENOTSUP,
                                "the archive says neither the digest nor the ID of the base image");
                error_set_hint(err, "Name it as `--base REGISTRY/NAME@sha256:DIGEST`.");
                return ret;
        }
        ret = add_config(translation, metadata->image_requested, name, metadata->image_id, "crun", err);
        if (ret == 0)
                ret = crio_spec(translation, err);
        if (ret == 0 &&
            translation_note(
                    translation, "The base image has to be on the node before; CRI-O does not pull it: %s",
                    *metadata->image_reference ? metadata->image_reference : metadata->image_name) < 0)
                ret = error_oom(err);
        return ret;
}
