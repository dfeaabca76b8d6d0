/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which layers an archive gave when it was pushed before, and where they went: so that pushing it again sends
 * no blob, and to another repository of the same registry neither. One small file for each state of an
 * archive in /var/cache/snap/layers (XDG_CACHE_HOME or ~/.cache for others than root). It is only a help:
 * whatever goes wrong with it, the layers are built.
 */
#ifndef SNAP_OCI_LAYER_CACHE_H
#define SNAP_OCI_LAYER_CACHE_H

#include "oci/layer_plan.h"
#include "oci/manifest.h"

struct layer_cache;

/* NULL when the archive is none that is known again: no single file, or no place to keep anything. */
struct layer_cache *layer_cache_open(const struct archive *archive);
void layer_cache_free(struct layer_cache *cache);
CLEANUP_DEFINE(struct layer_cache *, layer_cache_free);
#define _cleanup_layer_cache_ _cleanup_(layer_cache_freep)

#define LAYER_VARIANT_SIZE 64
/* Names what else than the archive makes layers differ: "2/zstd-3". */
void layer_cache_name(bool common, enum compression compression, int level, char out[LAYER_VARIANT_SIZE]);

/* Layers that are known of the variant. `known` says which. */
void layer_cache_find(const struct layer_cache *cache, const char *variant,
                      struct image_layer layers[LAYERS_MAX], bool known[LAYERS_MAX]);
/* Names of the variants there are, most recent first; NULL behind the last. Borrowed. */
const char *layer_cache_variant(const struct layer_cache *cache, size_t index);
/* Repositories at the registry `host` that have them; NULL behind the last. Borrowed. */
const char *layer_cache_repository(const struct layer_cache *cache, const char *host, size_t index);
/* Remembers what is known now; `host` and `repository` NULL: they went nowhere. */
void layer_cache_store(struct layer_cache *cache, const char *variant,
                       const struct image_layer layers[LAYERS_MAX], const bool known[LAYERS_MAX],
                       const char *host, const char *repository);

#endif
