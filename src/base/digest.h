/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4, by OpenSSL) for identity; CRC-32C (ISA-L) to catch corruption in flight cheaply. */
#ifndef SNAP_BASE_DIGEST_H
#define SNAP_BASE_DIGEST_H

#include "base/bytes.h"
#include "base/error.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65 /* with the NUL */

struct sha256 {
        uint8_t bytes[SHA256_SIZE];
};

struct sha256_stream;

int sha256_new(struct sha256_stream **out, struct error *err);
int sha256_update(struct sha256_stream *stream, const void *data, size_t size);
/* Also resets the stream for the next digest. */
int sha256_finish(struct sha256_stream *stream, struct sha256 *out);
void sha256_free(struct sha256_stream *stream);
CLEANUP_DEFINE(struct sha256_stream *, sha256_free);
#define _cleanup_sha256_ _cleanup_(sha256_freep)

/* Of a whole slice. */
int sha256_of(struct slice bytes, struct sha256 *out, struct error *err);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);
/* Lower-case hexadecimal into `out`; returns `out`. */
char *sha256_hex(const struct sha256 *digest, char out[SHA256_HEX_SIZE]);
/* False unless `hex` is 64 lower-case hexadecimal digits; an optional "sha256:" before them is accepted. */
bool sha256_parse(const char *hex, struct sha256 *out);

/* Start with 0 and feed the last result. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t size);

#endif
