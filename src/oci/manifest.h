/* SPDX-License-Identifier: Apache-2.0 */
/* Config and manifest of a checkpoint image, as pure functions. */
#ifndef SNAP_OCI_MANIFEST_H
#define SNAP_OCI_MANIFEST_H

#include "archive/metadata.h"
#include "oci/layout.h"

struct image_layer {
        struct descriptor blob;
        struct sha256 diff_id; /* SHA-256 of the tar before compression */
        enum compression compression;
        uint64_t pages; /* it holds so many bytes of memory pages and nothing else, says who built it; or 0 */
        char *encryption; /* annotations of an encrypted layer (layer_cipher.h); NULL: it is not. Owned */
};

void image_layers_free(struct image_layer *layers, size_t count);

/* Largest manifest that is accepted; the image-spec leaves registries 4 MiB. */
#define MANIFEST_MAX    (4 * MIB)
#define MANIFEST_LAYERS 128

/* Appends the image config. The same archive always gives the same. */
int manifest_config(const struct metadata *metadata, const struct image_layer *layers, size_t count,
                    struct buffer *out, struct error *err);
/* Appends the manifest with the annotations by which CRI-O, containerd and Podman know a checkpoint. */
int manifest_write(const struct metadata *metadata, const struct descriptor *config,
                   const struct image_layer *layers, size_t count, struct buffer *out, struct error *err);
/* As the image-spec names architectures: of the host that the checkpoint was taken on, and of this machine.
 */
const char *manifest_architecture_of(const struct metadata *metadata);
const char *manifest_architecture(void);
/* Annotations of a manifest. */
yyjson_mut_val *manifest_annotations(yyjson_mut_doc *doc, const struct metadata *metadata);
/* Layers of a manifest, at most MANIFEST_LAYERS; to be freed also when it fails. `diff_id` is not known here.
 * Refuses an image that no engine would take for a checkpoint (ERROR_IMAGE_NOT_CHECKPOINT). */
int manifest_parse(struct slice manifest, struct image_layer *layers, size_t *count, struct error *err);

#endif
