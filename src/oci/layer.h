/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer on its way to where the image is built: hashed, compressed, encrypted and written while it comes
 * in. Uncompressed, the caller's thread hashes while a thread of the layer writes the same bytes; compressed,
 * a pool makes frames.
 */
#ifndef SNAP_OCI_LAYER_H
#define SNAP_OCI_LAYER_H

#include "base/pool.h"
#include "oci/manifest.h"
#include "oci/target.h"

struct layer_writer;

/* `pool` may be NULL when nothing is compressed. `large`: see target_blob_open(). */
int layer_writer_open(struct target *target, const struct image_options *options, struct pool *pool,
                      bool large, struct layer_writer **out, struct error *err);
/* `bytes` need only last for the call. */
int layer_writer_append(struct layer_writer *layer, struct slice bytes, struct error *err);
/* Adds the end marker of the tar. What `out` owns is to be freed (image_layers_free()), also when it fails.
 */
int layer_writer_finish(struct layer_writer *layer, struct image_layer *out, struct error *err);
void layer_writer_free(struct layer_writer *layer);
CLEANUP_DEFINE(struct layer_writer *, layer_writer_free);
#define _cleanup_layer_writer_ _cleanup_(layer_writer_freep)

#endif
