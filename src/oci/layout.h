/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layouts (image-spec 1.1, "image-layout.md"): blobs by digest, and an index that names images. Two
 * forms: a directory, and a tar of one ("oci-archive").
 */
#ifndef SNAP_OCI_LAYOUT_H
#define SNAP_OCI_LAYOUT_H

#include "base/digest.h"
#include "oci/errors.h"
#include "oci/image.h"

/* What a manifest or an index says of a blob. */
struct descriptor {
        struct sha256 digest;
        uint64_t size;
};

/* One that is being written. In a directory other images stay; an archive file must not exist yet. */
struct layout_writer;

int layout_writer_open(const struct image_reference *to, struct layout_writer **out, struct error *err);
/* A whole blob from memory. */
int layout_writer_add(struct layout_writer *writer, struct slice bytes, struct descriptor *out,
                      struct error *err);
/* Names the image `manifest`, or the index of images; everything it needs is on disk then. */
int layout_writer_commit(struct layout_writer *writer, const char *tag, const char *media_type,
                         const struct descriptor *manifest, struct error *err);
void layout_writer_free(struct layout_writer *writer);
CLEANUP_DEFINE(struct layout_writer *, layout_writer_free);
#define _cleanup_layout_writer_ _cleanup_(layout_writer_freep)

/* A blob whose digest is known when it ends. `large`: most of the image's bytes will come here; at most one
 * at a time may be. Appends may come from another thread than begin and end. */
struct blob_writer;

int blob_writer_open(struct layout_writer *layout, bool large, struct blob_writer **out, struct error *err);
int blob_writer_append(struct blob_writer *blob, struct slice bytes, struct error *err);
/* Gives the blob its name. One of that name that is there already is replaced: it may have been damaged. */
int blob_writer_commit(struct blob_writer *blob, const struct sha256 *digest, struct descriptor *out,
                       struct error *err);
void blob_writer_free(struct blob_writer *blob);
CLEANUP_DEFINE(struct blob_writer *, blob_writer_free);
#define _cleanup_blob_writer_ _cleanup_(blob_writer_freep)

/* One that is read. */
struct layout_reader;

int layout_reader_open(const struct image_reference *from, struct layout_reader **out, struct error *err);
void layout_reader_free(struct layout_reader *reader);
CLEANUP_DEFINE(struct layout_reader *, layout_reader_free);
#define _cleanup_layout_reader_ _cleanup_(layout_reader_freep)

/* The manifest that the tag names, or an index of several; when the tag is "latest" and there is only one
 * image, that one. */
int layout_reader_find(struct layout_reader *reader, const char *tag, struct descriptor *out, bool *is_index,
                       struct error *err);
/* A whole blob of at most `limit` bytes, its size and digest verified. */
int layout_reader_blob(struct layout_reader *reader, const struct descriptor *blob, uint64_t limit,
                       struct buffer *out, struct error *err);
/* Where a blob lies: a borrowed descriptor and the offset in it. The size is verified, the digest is not. */
int layout_reader_locate(struct layout_reader *reader, const struct descriptor *blob, int *fd,
                         uint64_t *offset, struct error *err);

#endif
