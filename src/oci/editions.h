/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of one archive for several engines. They share all layers but the last, which has the members that
 * each engine writes in its own way (translate.h).
 */
#ifndef SNAP_OCI_EDITIONS_H
#define SNAP_OCI_EDITIONS_H

#include "oci/layer.h"
#include "oci/translate.h"

struct edition {
        enum engine engine;
        struct translation *translation;
        struct image_layer layer;
};

struct editions {
        struct edition items[IMAGES_MAX];
        unsigned count;      /* 0: one image, of the members as they are */
        bool several;        /* more than one engine was asked for */
        struct buffer notes; /* for people; lines */
};

/* Those that the options ask for. When they ask for several, one that cannot be is a note; it is an error
 * when none can. For the engine that took the checkpoint alone there is none, unless the layers were made
 * without its own members (`common`). */
int editions_make(const struct archive *archive, const struct metadata *metadata,
                  const struct image_options *options, bool common, struct editions *out, struct error *err);
int editions_write_layers(struct editions *editions, struct target *target,
                          const struct image_options *options, struct error *err);
/* "web" is "web-containerd" when several were asked for. */
int editions_tag(const struct editions *editions, const struct edition *edition, const char *tag,
                 char out[IMAGE_TAG_SIZE], struct error *err);
void editions_free(struct editions *editions);
#define _cleanup_editions_ _cleanup_(editions_free)

#endif
