/* SPDX-License-Identifier: Apache-2.0 */
/* The archive of another node, read where it lies: every chunk is verified before any of it is handed out. */
#ifndef SNAP_NODE_PEER_ARCHIVE_H
#define SNAP_NODE_PEER_ARCHIVE_H

#include "archive/archive.h"
#include "node/peer.h"

/* Takes `peer`, `checkpoint` and the contents of `list` over, also when it fails. What peer_open() returns of
 * errors, and ERROR_CHUNK, come from whoever reads the archive. */
int peer_archive_open(struct peer *peer, struct checkpoint *checkpoint, struct chunk_list *list,
                      struct archive **out, struct error *err);

#endif
