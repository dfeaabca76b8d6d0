/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes after the writer of a plain archive: a thread reads back what is in the file already, digests its
 * members and starts the disk on it, so that little is left to do at the end. It takes only what processors
 * have to spare, since a container may stand still behind the writer; what it has not come to,
 * follower_finish() does.
 *
 * It shares no lock with the writer: a thread that gets no processor must not hold what another waits for.
 * Used by one thread, but for follower_finish().
 */
#ifndef SNAP_ARCHIVE_FOLLOWER_H
#define SNAP_ARCHIVE_FOLLOWER_H

#include "archive/output.h"
#include "base/digest.h"

struct follower;

/* Of a member as it reads back. */
struct member_digest {
        uint32_t crc;
        struct sha256 sha256;
};

/* `fd`, `path` (for errors) and `output`, which is plain, are borrowed. */
int follower_new(int fd, const char *path, struct output *output, struct follower **out, struct error *err);
/* Ends its thread, and throws away what it has. */
void follower_free(struct follower *follower);
CLEANUP_DEFINE(struct follower *, follower_free);

/* A member begins, whose contents will be there in the file; the one before has ended. */
int follower_begin(struct follower *follower, uint64_t contents, struct error *err);
/* So many bytes more of its contents were passed to the output. */
void follower_advance(struct follower *follower, size_t size);
/* How far it has come. */
struct followed {
        size_t members;    /* so many have their digests; of the next: */
        uint64_t position; /* up to here in the file `sha` and `crc` have its contents */
        uint32_t crc;
        struct sha256_stream *sha; /* borrowed, to go on with */
};

/* Stops it, for somebody else to do the rest. */
int follower_stop(struct follower *follower, struct followed *out, struct error *err);
/* After that: of one member after the other, as they began. Borrowed. */
const struct member_digest *follower_next(struct follower *follower);

#endif
