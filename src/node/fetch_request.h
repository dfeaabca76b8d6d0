/* SPDX-License-Identifier: Apache-2.0 */
/* What a request for a checkpoint of another node says: {"url", "id", "ticket", "digest", "chunks",
 * "patience"} (docs/node.md, "From node to node"). */
#ifndef SNAP_NODE_FETCH_REQUEST_H
#define SNAP_NODE_FETCH_REQUEST_H

#include "base/json.h"
#include "node/peer.h"

/* ERROR_BAD_INPUT names what is wrong. */
int fetch_request_check(const struct node_options *node, yyjson_val *request, struct error *err);
/* How the other node is spoken to, by a request that was checked. Borrows the texts of both. */
void fetch_request_peer(const struct node_options *node, yyjson_val *request, const struct progress *progress,
                        struct peer_options *out);
/* Seconds. */
unsigned fetch_request_patience(yyjson_val *request);

#define CHUNKS_TEXT_SIZE (7 + SHA256_HEX_SIZE)
/* Does what the other node says agree with itself, and with what the request knows? ERROR_CHUNK,
 * ERROR_PEER_ANSWER (-EBADMSG). The digest of the list, "sha256:…", goes into `chunks`. */
int fetch_request_bind(yyjson_val *request, const struct checkpoint *checkpoint,
                       const struct chunk_list *list, char chunks[CHUNKS_TEXT_SIZE], struct error *err);
/* One of these: may `expected` be NULL, or is it `actual`? */
int fetch_request_compare(const char *expected, const char *actual, const char *what, struct error *err);

#endif
