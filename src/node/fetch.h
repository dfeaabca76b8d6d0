/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive of another node, brought into a file: over several connections at once, each range straight to
 * its place and verified there. What a file has already is not fetched again: it is the record of its own
 * progress, since each chunk of it either has its digest or is missing.
 */
#ifndef SNAP_NODE_FETCH_H
#define SNAP_NODE_FETCH_H

#include "node/peer.h"

#define FETCH_PATIENCE 60

struct fetch_options {
        const struct checkpoint *checkpoint; /* as the peer knows it */
        const struct chunk_list *list;
        unsigned connections;            /* 0: 4 */
        unsigned patience_seconds;       /* gives up when nothing came for so long; 0: FETCH_PATIENCE */
        const struct progress *progress; /* steps of "transfer", what was there before included */
        /* Called when so many bytes more are in the file; never by two threads at once. May be NULL. */
        void (*wrote)(void *context, uint64_t bytes);
        void *context;
};

struct fetch_result {
        uint64_t kept, fetched; /* bytes that were there, and that came (also those that came in vain) */
        unsigned breaks;        /* requests that broke and were gone on with */
};

/*
 * Completes `fd`, a file that can be read and written. ERROR_CHUNK (-EBADMSG, names chunk and bytes) for
 * bytes that do not have their digest; -ENOSPC; what broke at last when patience is over; what peer_read()
 * returns and does not pass. The file then has what came.
 */
int fetch_archive(struct peer *peer, int fd, const struct fetch_options *options, struct fetch_result *out,
                  struct error *err);

#endif
