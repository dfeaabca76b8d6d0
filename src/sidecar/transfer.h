/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other nodes read here (docs/node.md, "From node to node"): archives in ranges, the digests of their
 * chunks and of the layers of the image that it would be, and the tickets that let somebody read one of them.
 */
#ifndef SNAP_SIDECAR_TRANSFER_H
#define SNAP_SIDECAR_TRANSFER_H

#include "net/server.h"
#include "node/node.h"

struct transfer;

/* `node` must outlive it. */
int transfer_new(struct node *node, struct transfer **out, struct error *err);
void transfer_free(struct transfer *transfer);
CLEANUP_DEFINE(struct transfer *, transfer_free);
#define _cleanup_transfer_ _cleanup_(transfer_freep)

/* Of the program that serves `request`; the program defines it. */
struct transfer *request_transfer(const struct request *request);

/*
 * Does the request show a ticket for the checkpoint that its path names? 1: it does, which is enough for
 * handle_archive, handle_chunks, handle_layers and handle_ticket_end; 0: it shows none; -EPERM
 * (ERROR_TICKET): one that is no good. For the program's `authenticate`, when it knows who asks: `holder` is
 * their name.
 */
int transfer_check_ticket(struct request *request, const char *holder, struct error *err);

extern const struct handler handle_archive, /* GET /checkpoints/{id}/archive */
        handle_chunks,                      /* GET /checkpoints/{id}/chunks */
        handle_layers,                      /* GET /checkpoints/{id}/layers */
        handle_ticket,                      /* POST /checkpoints/{id}/ticket?seconds=N */
        handle_ticket_end;                  /* DELETE /checkpoints/{id}/ticket */

#endif
