/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image is built: an OCI layout or a repository of a registry. Blobs come first; the manifest that
 * needs them comes last, so that whoever finds it finds everything.
 */
#ifndef SNAP_OCI_TARGET_H
#define SNAP_OCI_TARGET_H

#include "oci/layout.h"

struct registry;
struct registry_access;
struct target;
struct target_blob;

/* `access` may be NULL, and for a layout it is not looked at. */
int target_open(const struct image_reference *to, const struct registry_access *access, struct target **out,
                struct error *err);
/* The same for a registry that is open already, and stays the caller's. */
int target_of(struct registry *registry, struct target **out, struct error *err);
void target_free(struct target *target);
CLEANUP_DEFINE(struct target *, target_free);
#define _cleanup_target_ _cleanup_(target_freep)

/* May several large blobs be written at once, by a thread each? */
bool target_is_parallel(const struct target *target);
/* NULL when it is a layout. Borrowed. */
struct registry *target_registry(const struct target *target);

/* A blob whose digest is known when it ends. `large`: see blob_writer_open(). Appends may come from another
 * thread than the rest. */
int target_blob_open(struct target *target, bool large, struct target_blob **out, struct error *err);
int target_blob_append(struct target_blob *blob, struct slice bytes, struct error *err);
int target_blob_commit(struct target_blob *blob, const struct sha256 *digest, struct descriptor *out,
                       struct error *err);
void target_blob_free(struct target_blob *blob);
CLEANUP_DEFINE(struct target_blob *, target_blob_free);
#define _cleanup_target_blob_ _cleanup_(target_blob_freep)

/* A small blob from memory. */
int target_add(struct target *target, struct slice bytes, struct descriptor *out, struct error *err);
/* Is the blob there already? Of a layout the answer is no: what lies there may be damaged. */
int target_has(struct target *target, const struct descriptor *blob, bool *has, struct error *err);
/* A manifest that is named by its digest alone: one of an index. */
int target_add_manifest(struct target *target, const char *media_type, struct slice manifest,
                        struct descriptor *out, struct error *err);
/* Names the image: everything it needs is there. */
int target_commit(struct target *target, const char *tag, const char *media_type, struct slice manifest,
                  struct descriptor *out, struct error *err);

#endif
