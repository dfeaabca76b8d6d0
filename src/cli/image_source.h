/* SPDX-License-Identifier: Apache-2.0 */
/* Where image files of CRIU are read from: a checkpoint in any place, or a file that is one itself. */
#ifndef SNAP_CLI_IMAGE_SOURCE_H
#define SNAP_CLI_IMAGE_SOURCE_H

#include "archive/archive.h"
#include "criu/decode.h"

struct image_source {
        const char *path;        /* as it was given; borrowed */
        struct archive *archive; /* NULL: `path` is an image file, which its magic says */
};

int image_source_open(const char *path, struct image_source *out, struct error *err);
void image_source_close(struct image_source *source);
#define _cleanup_image_source_ _cleanup_(image_source_close)

/* Decodes the image `name` (that of the file itself when there is no archive). `decoding` says what is
 * wanted; where the bytes come from is filled in here. */
int image_source_decode(const struct image_source *source, const char *name, struct criu_decoding *decoding,
                        struct error *err);

#endif
