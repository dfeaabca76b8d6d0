/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk lists of archives that were asked for, kept in files: making one reads all of the archive. */
#ifndef SNAP_NODE_CHUNK_CACHE_H
#define SNAP_NODE_CHUNK_CACHE_H

#include "catalog/catalog.h"
#include "node/chunk_list.h"

struct chunk_cache;

/* `directory` is made, 0700, when there is something to keep. */
int chunk_cache_new(const char *directory, struct chunk_cache **out, struct error *err);
void chunk_cache_free(struct chunk_cache *cache);
CLEANUP_DEFINE(struct chunk_cache *, chunk_cache_free);

/* The list of the archive that `fd` is, made when it is not known or the file is not the same any more: then
 * what is kept of checkpoints that `catalog` does not know goes. Makes one at a time. */
int chunk_cache_get(struct chunk_cache *cache, struct catalog *catalog, const struct checkpoint *checkpoint,
                    int fd, struct chunk_list *out, struct error *err);

#endif
