/* SPDX-License-Identifier: Apache-2.0 */
/* "index.json" as pure functions over text. */
#ifndef SNAP_OCI_LAYOUT_INDEX_H
#define SNAP_OCI_LAYOUT_INDEX_H

#include "oci/layout.h"

#define LAYOUT_FILE    "oci-layout"
#define LAYOUT_TEXT    "{\"imageLayoutVersion\":\"1.0.0\"}"
#define INDEX_FILE     "index.json"
#define MEDIA_INDEX    "application/vnd.oci.image.index.v1+json"
#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER    "application/vnd.oci.image.layer.v1.tar"
#define KEY_REF_NAME   "org.opencontainers.image.ref.name"

/* Appends the index with the image added: in place of the one that had the tag. `old` may be empty: a new
 * index. */
int layout_index_add(struct slice old, const char *tag, const char *media_type,
                     const struct descriptor *manifest, struct buffer *out, struct error *err);
/* The manifest of a tag, see layout_reader_find(). -ENOENT (ERROR_IMAGE_NOT_FOUND). */
int layout_index_find(struct slice index, const char *path, const char *tag, struct descriptor *out,
                      bool *is_index, struct error *err);
/* A descriptor object, and digest and size of one. */
yyjson_mut_val *descriptor_new(yyjson_mut_doc *doc, const char *type, const struct descriptor *blob);
int descriptor_parse(yyjson_val *object, struct descriptor *out, struct error *err);

#endif
