/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's own registry of images, for the container runtimes of this machine:
 * "HOST:PORT/checkpoint/ID:latest" is the checkpoint of that id (in lower case, as names of images are). It
 * becomes an image when a runtime first pulls it: of the archive here, or of one on another node that was
 * offered. That one is read once, each chunk is verified before it goes into a layer, and nothing but the
 * layers is written; they are kept.
 */
#ifndef SNAP_NODE_SHELF_H
#define SNAP_NODE_SHELF_H

#include "base/json.h"
#include "node/node.h"

struct shelf;

/* Serves on `listen`, which only this machine can reach (ERROR_USAGE). `node` must outlive it. */
int shelf_open(struct node *node, const char *listen, struct shelf **out, struct error *err);
/* Lets what goes on end, for at most `seconds`. */
void shelf_stop(struct shelf *shelf, unsigned seconds);
void shelf_free(struct shelf *shelf);
CLEANUP_DEFINE(struct shelf *, shelf_free);
#define _cleanup_shelf_ _cleanup_(shelf_freep)

/*
 * The name of the image of a checkpoint, to be freed. `offer` is as the request of a fetch (docs/node.md):
 * the checkpoint of another node, asked for when it is pulled; without `url` it is one of this node. Offers
 * are kept in memory, and forgotten when they were taken.
 */
int shelf_offer(struct shelf *shelf, yyjson_val *offer, char **image, struct error *err);

#endif
