/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a checkpoint of another node, on its way: config and manifest are made here, of the small
 * members of its archive and the digests of layers that the other node tells. Each layer is read from the
 * archive there when somebody pulls it, every chunk verified, and goes to whoever pulls it and into the store
 * at once; the last byte is only given when the layer has its digest. What breaks is gone on with. When all
 * layers are in the store, the manifest is put there, too. May be used by several threads at once.
 */
#ifndef SNAP_NODE_DELIVERY_H
#define SNAP_NODE_DELIVERY_H

#include "net/request.h"
#include "node/node.h"
#include "oci/registry_store.h"

struct delivery;

/* All is borrowed and must outlive the delivery, but `repository` and `request`. */
struct delivery_options {
        struct node *node;
        struct registry_store *store;
        const char *repository, *tag;
        yyjson_val *request;                             /* of a fetch, checked */
        const struct progress *progress;                 /* for `cancelled`: the agent ends */
        void (*complete)(void *context, const char *id); /* all of it is in the store */
        void *context;
};

/*
 * Asks the other node for all but the layers. -ENOTSUP (ERROR_UNSUPPORTED): the archive is compressed, so
 * that its layers are known only when all of it has been read. The errors of peer_chunks(), ERROR_CHUNK.
 */
int delivery_open(const struct delivery_options *options, struct delivery **out, struct error *err);
/* One more holds it, or one less; each blob that is read does by itself. */
struct delivery *delivery_hold(struct delivery *delivery);
void delivery_free(struct delivery *delivery);
CLEANUP_DEFINE(struct delivery *, delivery_free);
#define _cleanup_delivery_ _cleanup_(delivery_freep)

/* Of the checkpoint. Borrowed. */
const char *delivery_id(const struct delivery *delivery);
/* 0 and the text of the manifest, if `reference` is its tag or digest; else -ENOENT without an error. Once a
 * layer has failed for a reason that does not pass: that. */
int delivery_manifest(struct delivery *delivery, const char *reference, struct buffer *text,
                      struct error *err);
/* As registry_origin.blob. Begins to fetch it, unless that goes on. -ENOENT without an error: it is none of
 * its layers. */
int delivery_blob(struct delivery *delivery, const struct sha256 *digest, uint64_t *size,
                  struct response_source *out, struct error *err);
/* Relies on what of it is in the store, so that it is not collected. */
void delivery_touch(struct delivery *delivery);
/* Nothing is being fetched, and nothing is left to be, or nobody has asked for so long. */
bool delivery_is_over(struct delivery *delivery, unsigned idle_seconds);
/* Until nothing is being fetched: soon, when `progress` says that it is cancelled. */
void delivery_wait(struct delivery *delivery);

#endif
