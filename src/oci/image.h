/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint as an OCI image (image-spec 1.1): layers "everything but pages" and "pages", so that metadata
 * can be fetched alone, one config that no other checkpoint has, and the annotations by which CRI-O,
 * containerd and Podman know a checkpoint. docs/image.md lists them.
 */
#ifndef SNAP_OCI_IMAGE_H
#define SNAP_OCI_IMAGE_H

#include "archive/metadata.h"
#include "base/progress.h"

enum image_transport {
        IMAGE_OCI,         /* oci:DIR[:TAG] */
        IMAGE_OCI_ARCHIVE, /* oci-archive:FILE[:TAG] */
        IMAGE_DOCKER       /* docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST] */
};

struct image_reference {
        enum image_transport transport;
        char *path; /* of a registry: all that follows "docker://" */
        char *tag;  /* "latest" when none was given; of a registry it may be a digest, "sha256:…" */
};

/* Does the text start with a transport we know? */
bool image_reference_is_one(const char *text);
int image_reference_parse(const char *text, struct image_reference *out, struct error *err);
void image_reference_free(struct image_reference *reference);
/* What skopeo and the image-spec ("org.opencontainers.image.ref.name") allow, of which registries' tags are
 * part: a letter, digit or '_' first, then also '.' and '-', at most 128. */
bool image_tag_is_valid(const char *tag);
#define _cleanup_image_reference_ _cleanup_(image_reference_free)

/* The longest tag, with the NUL; of one in a layout that is put into the local storage it is a whole name. */
#define IMAGE_TAG_SIZE 512

#define IMAGES_MAX 3

struct registry_access;
struct layer_recipients;

struct image_options {
        enum compression compression; /* of layers: none, gzip, zstd */
        int level;
        bool choose; /* to a registry: measure the link, and compress as much as makes it faster */
        bool index;  /* the tag names an index of images for several architectures, to which this one is added
                      */
        /* IMAGE_FOR() of each engine that shall restore it; 0: the members are as they are. For several there
         * is an image for each, whose tag ends in "-crio", "-containerd" or "-podman". */
        unsigned engines;
        const char *base, *base_id;                /* see translation_options; may be NULL */
        const struct registry_access *access;      /* may be NULL */
        const struct layer_recipients *recipients; /* layers are encrypted for them; NULL: they are not */
};

#define IMAGE_FOR(engine) (1u << (engine))

/* An image that was made. */
struct image_made {
        enum engine engine;
        char tag[IMAGE_TAG_SIZE];
        struct sha256 manifest;
};

struct image_result {
        struct sha256 manifest;
        uint64_t manifest_size;
        uint64_t layers_size; /* bytes of the layer blobs */
        unsigned layers;
        enum compression compression; /* that was chosen */
        bool sent;                    /* a layer had to be; false: the registry has them all */
        struct image_made
                made[IMAGES_MAX]; /* those for engines that were asked for; then the first is above */
        unsigned made_count;
        char *notes; /* what a person should know of them: lines; NULL: nothing. Owned */
};
void image_result_free(struct image_result *result);
#define _cleanup_image_result_ _cleanup_(image_result_free)

/* One read of the archive, which may be unread. Crash-safe: index.json names the image only when everything
 * it needs is on disk; other images in a directory stay, an archive file must not exist. The same archive
 * always gives the same image. */
int image_build(struct archive *archive, const struct image_reference *to,
                const struct image_options *options, const struct progress *progress,
                struct image_result *out, struct error *err);

/* The checkpoint that an image is, in place; unread when a layer is compressed (archive_open_parts()). See
 * oci/location.h for what of it is verified. `access` may be NULL. */
int image_open(const struct image_reference *from, const struct registry_access *access, struct archive **out,
               struct error *err);

/* The same without its memory pages, where the image says which layers they are (docs/image.md). */
int image_look(const struct image_reference *from, const struct registry_access *access, struct archive **out,
               struct error *err);

/*
 * Turns an image into an archive file again (layers joined into one tar), if the policy admits it
 * (signature_policy.h); digests are verified on the way. The file is written to `path` like every file here.
 */
int image_to_archive(const struct image_reference *from, const struct registry_access *access,
                     const char *path, const struct progress *progress, struct error *err);
/* The same into the open, empty directory `dir`, for a while: the disk need not have it in the end. Of what
 * was written before a digest turned out to be wrong, nothing may be used. */
int image_to_directory(const struct image_reference *from, const struct registry_access *access, int dir,
                       const struct progress *progress, struct error *err);

extern const struct error_kind *const oci_error_kinds[];

#endif
