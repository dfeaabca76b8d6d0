/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another node that has a checkpoint, as it is asked for it (docs/node.md, "From node to node"). Both show
 * certificates: its own must be of the given authority and for its name. May be used by several threads at
 * once.
 */
#ifndef SNAP_NODE_PEER_H
#define SNAP_NODE_PEER_H

#include "catalog/checkpoint.h"
#include "net/client.h"
#include "node/chunk_list.h"
#include "node/node.h"

/* The header that a ticket is sent in. */
#define TICKET_HEADER "Snap-Ticket"

struct peer;

/* All but `url` and `id` may be NULL. What it points to must outlive the peer, but for these two. */
struct peer_options {
        const char *url;                         /* "https://NODE:10250"; http:// only of this machine */
        const char *id;                          /* of the checkpoint there */
        const char *ticket;                      /* NULL: our certificate has to do */
        const char *ca_file, *certificate, *key; /* PEM; only this authority is trusted */
        const struct progress *progress;         /* for `cancelled` */
};

/* Only looks at what was given. */
int peer_open(const struct peer_options *options, struct peer **out, struct error *err);
void peer_free(struct peer *peer);
CLEANUP_DEFINE(struct peer *, peer_free);
#define _cleanup_peer_ _cleanup_(peer_freep)

/* As errors name it: "https://NODE:10250". Borrowed. */
const char *peer_name(const struct peer *peer);

/*
 * What it knows of the checkpoint, and the digests of its chunks. -EPERM (ERROR_TICKET, ERROR_PEER_ACCESS),
 * -ENOENT (ERROR_CHECKPOINT_NOT_FOUND), -EIO (ERROR_PEER: it cannot), -EBADMSG (ERROR_PEER_ANSWER), and what
 * http_client_send() returns.
 */
int peer_chunks(struct peer *peer, struct checkpoint **checkpoint, struct chunk_list *list,
                struct error *err);

/* The digests of the `count` layers of the image that its archive would be (oci/image_plan.h). The same
 * errors. */
int peer_layers(struct peer *peer, struct sha256 *layers, size_t count, struct error *err);

/* Exactly `size` bytes of the archive from `offset`, given to `sink` as they come: the same errors, and what
 * `sink` returns. Where it broke, the sink has had what came until then. */
typedef int (*peer_sink)(void *context, struct slice bytes, struct error *err);
int peer_read(struct peer *peer, const struct checkpoint *checkpoint, uint64_t offset, uint64_t size,
              peer_sink sink, void *context, struct error *err);

/* The error for a chunk that came and does not have its digest (ERROR_CHUNK). Returns -EBADMSG. */
int peer_chunk_is_bad(const struct peer *peer, const struct checkpoint *checkpoint,
                      const struct chunk_list *list, size_t chunk, struct error *err);
/* Can the same request succeed a little later? */
bool peer_error_is_passing(int ret, const struct error *err);

/* Tells it that the ticket is not needed any more. */
void peer_end(struct peer *peer);

extern const struct error_kind ERROR_TICKET, /* not valid, not any more, or not for this checkpoint */
        ERROR_PEER_ACCESS,                   /* the other node does not let us read */
        ERROR_PEER_ANSWER,                   /* what it answered is not what was asked for */
        ERROR_CHUNK;                         /* bytes that do not have their digest */

#endif
