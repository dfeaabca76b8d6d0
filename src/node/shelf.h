/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's own registry of images, for the container runtimes of this machine:
 * "HOST:PORT/checkpoint/ID:latest" is the checkpoint of that id (in lower case, as names of images are). It
 * becomes an image when a runtime first pulls it: of the archive here, or of one on another node that was
 * offered, whose layers come while they are pulled (delivery.h). What no checkpoint here and no offer needs
 * any more is removed, some minutes later.
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
 * the checkpoint of another node, asked for when it is pulled, for `seconds`; without `url` it is one of this
 * node. Offers are in the catalog.
 */
int shelf_offer(struct shelf *shelf, yyjson_val *offer, char **image, struct error *err);

/* What is done once a minute: offers that are over end, images that nobody needs go, and blobs that no image
 * has had for `grace_seconds`. */
void shelf_collect(struct shelf *shelf, unsigned grace_seconds);

#endif
