/* SPDX-License-Identifier: Apache-2.0 */
/* Where an image is read from: an OCI layout or a repository of a registry. */
#ifndef SNAP_OCI_SOURCE_H
#define SNAP_OCI_SOURCE_H

#include "base/progress.h"
#include "oci/layout.h"

struct registry;
struct registry_access;
struct image_layer; /* manifest.h */
struct source;

/* `access` may be NULL, and for a layout it is not looked at. */
int source_open(const struct image_reference *from, const struct registry_access *access, struct source **out,
                struct error *err);
/* The same for a registry that is open already, and stays the caller's. */
int source_of(struct registry *registry, const char *tag, struct source **out, struct error *err);
void source_free(struct source *source);
CLEANUP_DEFINE(struct source *, source_free);
#define _cleanup_source_ _cleanup_(source_freep)

/* As errors name it. Borrowed. */
const char *source_name(const struct source *source);
/* NULL unless it is one. Borrowed. */
struct layout_reader *source_layout(const struct source *source);
struct registry *source_registry(const struct source *source);

/* A manifest or an index of images. */
struct source_manifest {
        bool is_index;
        char media_type[128];
        struct descriptor descriptor;
        struct sha256 named; /* digest of what the reference names: this, or the index that lists it */
        struct buffer text;  /* at most MANIFEST_MAX bytes, verified */
};

/* What the reference names. */
int source_manifest(struct source *source, struct source_manifest *out, struct error *err);
/* What another tag at the same place names. -ENOENT when there is none. */
int source_tagged(struct source *source, const char *tag, struct source_manifest *out, struct error *err);
/* What the reference names, and of an index the image for this machine's architecture. */
int source_image(struct source *source, struct source_manifest *out, struct error *err);
/* One that an index lists. */
int source_listed(struct source *source, const struct descriptor *which, bool is_index,
                  struct source_manifest *out, struct error *err);
/* Its layers (manifest_parse). */
int source_layers(const struct source *source, const struct source_manifest *manifest,
                  struct image_layer *layers, size_t *count, struct error *err);
void source_manifest_free(struct source_manifest *manifest);
#define _cleanup_source_manifest_ _cleanup_(source_manifest_free)

/* A whole blob of at most `limit` bytes, verified, appended. */
int source_blob(struct source *source, const struct descriptor *blob, uint64_t limit, struct buffer *out,
                struct error *err);

/* A blob that is read forward. */
struct source_blob;

int source_blob_open(struct source *source, const struct descriptor *blob, struct source_blob **out,
                     struct error *err);
/* 1: `chunk` is what comes next, valid until the next call; 0: that was all, and it had its digest (else
 * ERROR_IMAGE_DIGEST). */
int source_blob_next(struct source_blob *blob, struct slice *chunk, struct error *err);
void source_blob_free(struct source_blob *blob);
CLEANUP_DEFINE(struct source_blob *, source_blob_free);
#define _cleanup_source_blob_ _cleanup_(source_blob_freep)

#endif
