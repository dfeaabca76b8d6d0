/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint of one engine, said in the words of another, so that the other restores it. Members that are
 * common to all engines (the dump of CRIU) stay; those that each engine writes in its own way are written
 * again from what the archive says of its container, and image files of CRIU without what ties them to one
 * runtime (criu/ties.h). docs/translate.md has the rules, field by field.
 *
 * Only what is known is written: nothing of an archive adds mounts, devices, capabilities or annotations.
 */
#ifndef SNAP_OCI_TRANSLATE_H
#define SNAP_OCI_TRANSLATE_H

#include "archive/metadata.h"

struct registry_access;

struct translation_options {
        enum engine to;
        /* The base image, where the archive does not say it or names one that nobody else can pull; may be
         * NULL: "NAME[:TAG]@sha256:DIGEST" of its manifest, and the 64 hexadecimal digits of its ID. */
        const char *base, *base_id;
        /* How the registry of the base image is asked for an ID that nobody said; may be NULL. */
        const struct registry_access *access;
};

struct translation;

/* Refuses, with the reason, what cannot be (ERROR_TRANSLATION). For the engine that took the checkpoint,
 * every member stays as it is. Borrows the archive. */
int translation_make(const struct archive *archive, const struct metadata *metadata,
                     const struct translation_options *options, struct translation **out, struct error *err);
void translation_free(struct translation *translation);
CLEANUP_DEFINE(struct translation *, translation_free);
#define _cleanup_translation_ _cleanup_(translation_freep)

/* Is the member one that engines write in their own way? translation_write() writes it, if anybody does. */
bool translation_has_member(const char *name);
/* For the manifest: the metadata, with the base image and the runtime as the other engine knows them. */
const struct metadata *translation_metadata(const struct translation *translation);
/* What a person must know to restore it: sentences, one a line; "" when there is nothing. */
const char *translation_notes(const struct translation *translation);

/* Hands out the engine's own members as a tar without its end marker, in pieces that last for the call. */
typedef int (*translation_sink)(void *context, struct slice bytes, struct error *err);
int translation_write(const struct translation *translation, translation_sink sink, void *context,
                      struct error *err);

#endif
