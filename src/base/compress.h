/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression in independent frames. gzip (RFC 1952, by ISA-L), zstd (RFC 8878) and lz4 (LZ4 frame format)
 * all let complete frames stand one after another, so frames can be made in parallel, be sought to, and,
 * because a "stored" frame has a size known beforehand, be filled in later.
 */
#ifndef SNAP_BASE_COMPRESS_H
#define SNAP_BASE_COMPRESS_H

#include "base/bytes.h"
#include "base/error.h"

enum compression {
        COMPRESSION_NONE,
        COMPRESSION_GZIP,
        COMPRESSION_ZSTD,
        COMPRESSION_LZ4,
        COMPRESSION_MAX_,
        COMPRESSION_INVALID = -1
};

/* "none", "gzip", "zstd", "lz4". */
const char *compression_name(enum compression compression);
enum compression compression_from_name(const char *name);
/* By magic number; COMPRESSION_NONE when none matches. */
enum compression compression_detect(struct slice head);

/* Appends one complete frame that holds `in`. `level` 0 is the default of the format; levels that would take
 * much memory are lowered. For NONE: copies. */
int frame_compress(enum compression compression, int level, struct slice in, struct buffer *out,
                   struct error *err);
/* Size of a stored frame of `size` bytes (1 to 64 KiB - 1). For NONE: `size`. */
size_t frame_stored_size(enum compression compression, size_t size);
/* Writes exactly frame_stored_size() bytes to `out`: a complete frame that holds `in` uncompressed. */
void frame_stored(enum compression compression, struct slice in, uint8_t *out);
/* Expands the one or more whole frames in `in`, at most `limit` bytes (-EFBIG beyond). */
int frame_expand(enum compression compression, struct slice in, uint64_t limit, struct buffer *out,
                 struct error *err);

/* Reads forward through any number of frames. */
struct decompressor;
/* Fills `data` with up to `size` bytes; 0 at the end; negative errno on failure. */
typedef ssize_t (*byte_source)(void *context, void *data, size_t size);

int decompressor_new(enum compression compression, byte_source source, void *context,
                     struct decompressor **out, struct error *err);
/* Short only at the end. A stream that ends inside a frame is -EBADMSG (ERROR_BAD_COMPRESSION). */
ssize_t decompressor_read(struct decompressor *decompressor, void *data, size_t size, struct error *err);
void decompressor_free(struct decompressor *decompressor);
CLEANUP_DEFINE(struct decompressor *, decompressor_free);
#define _cleanup_decompressor_ _cleanup_(decompressor_freep)

#endif
