/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SHA-256 of each piece of a file, so that every range of it can be verified when it arrives from another
 * node, and only what is damaged or missing is fetched again. As JSON:
 *
 *     {"size": N, "chunkSize": N, "chunks": ["64 hexadecimal digits", …]}
 */
#ifndef SNAP_NODE_CHUNK_LIST_H
#define SNAP_NODE_CHUNK_LIST_H

#include "base/digest.h"
#include "base/progress.h"

#define CHUNK_SIZE_MIN  (4 * MIB)
#define CHUNK_COUNT_MAX 16384 /* chunks of larger files are larger: a power of two */

struct chunk_list {
        uint64_t size;       /* of the file, bytes */
        uint64_t chunk_size; /* of all chunks but the last */
        struct sha256 *digests;
        size_t count;
};

/* Reads the first `size` bytes of an open file, on all processors. -EBADMSG (ERROR_ARCHIVE_TRUNCATED) when it
 * has fewer. `what` names it in errors. */
int chunk_list_make(int fd, uint64_t size, const char *what, const struct progress *progress,
                    struct chunk_list *out, struct error *err);
void chunk_list_free(struct chunk_list *list);
#define _cleanup_chunk_list_ _cleanup_(chunk_list_free)

/* Bytes of one of them. */
uint64_t chunk_list_size_at(const struct chunk_list *list, size_t index);
/* What names the whole list: the SHA-256 of size and chunk size (8 bytes each, little-endian) and all digests
 * as bytes, in order. */
int chunk_list_digest(const struct chunk_list *list, struct sha256 *out, struct error *err);

/* Appends the JSON. */
int chunk_list_write(const struct chunk_list *list, struct buffer *out, struct error *err);
/* From another machine: -EBADMSG (ERROR_BAD_JSON) unless it is exactly what chunk_list_write() makes of a
 * file of that size. */
int chunk_list_parse(struct slice text, const char *what, struct chunk_list *out, struct error *err);

#endif
