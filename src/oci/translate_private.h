/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of translate.h share. Not for others. */
#ifndef SNAP_OCI_TRANSLATE_PRIVATE_H
#define SNAP_OCI_TRANSLATE_PRIVATE_H

#include "base/clock.h"
#include "base/json.h"
#include "criu/ties.h"
#include "oci/errors.h"
#include "oci/translate.h"

/* A file system as changes to the image: an entry of rootfs-diff.tar that is left out. */
struct diff_range {
        uint64_t start, end;
};

/* rootfs-diff.tar, written again. */
struct translated_diff {
        const struct archive_member *from; /* NULL: there is none */
        char **deleted;                    /* paths whose whiteouts stand before everything else */
        size_t deleted_count;
        uint64_t before;             /* bytes of these */
        struct diff_range *left_out; /* of the expanded tar, in order */
        size_t left_out_count;
        uint64_t size; /* of what is written */
};

/* A member that is written: bytes, or (when `from` is set) the contents of one of the archive's. */
struct translated_member {
        char *name;
        struct buffer bytes;
        const struct archive_member *from;
};

struct translation {
        const struct archive *archive;
        struct metadata metadata; /* borrows most of its text */
        enum engine to;
        const struct registry_access *access;
        struct translated_member *members;
        size_t count;
        struct translated_diff diff;
        struct criu_ties *ties; /* NULL when nothing is translated */
        struct buffer notes;
        /* What metadata borrows from here. */
        char *image_name, *image_reference, *image_id;
        char container_id[SHA256_HEX_SIZE];
};

/* Adds a member; its bytes are to be filled in. NULL when memory is exhausted. */
struct translated_member *translation_add(struct translation *translation, const char *name);
/* Adds a member of this JSON. */
int translation_add_json(struct translation *translation, const char *name, yyjson_mut_doc *doc,
                         struct error *err);
/* Adds a member of the archive under this name, when it has it. */
int translation_add_copy(struct translation *translation, const char *from, const char *name,
                         struct error *err);
/* Appends a line to the notes; 0 or -ENOMEM. */
int translation_note(struct translation *translation, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Puts a copy of the text in the place of `*owner`, which is freed, and lends it to `*borrowed`. 0 or
 * -ENOMEM. */
int translation_replace(char **owner, char **borrowed, const char *text, size_t size);

/* Time as Go reads it: RFC 3339, the zero time when the archive says nothing that is one. */
const char *translation_time(const char *text, char out[RFC3339_SIZE]);

/* The ID of the base image becomes this one, in hexadecimal; 0 or -ENOMEM. */
int translation_set_image_id(struct translation *translation, const struct sha256 *id);

/* Settles which the base image is, and the ID of the container, in the metadata. */
int translate_base(struct translation *translation, const struct translation_options *options,
                   struct error *err);
/* The engine's documents. */
int translate_for_containerd(struct translation *translation, struct error *err);
int translate_for_crio(struct translation *translation, struct error *err);
int translate_for_podman(struct translation *translation, struct error *err);

/* Plans the file system's changes: as a layer with whiteouts (containerd), or as a tar with a list of what
 * was deleted (CRI-O, Podman), which is added as deleted.files. */
int translate_diff(struct translation *translation, struct error *err);
void translate_diff_free(struct translated_diff *diff);
int translate_diff_write(const struct translation *translation, translation_sink sink, void *context,
                         struct error *err);

#endif
