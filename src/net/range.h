/* SPDX-License-Identifier: Apache-2.0 */
/* Byte ranges (RFC 9110, section 14) and the Content-Range of a part that is sent up. Pure functions. */
#ifndef SNAP_NET_RANGE_H
#define SNAP_NET_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
        uint64_t offset, size;
};

enum range_result {
        RANGE_NONE,         /* the whole: no range, several, another unit, malformed (all of them ignored) */
        RANGE_PART,         /* `out` lies within the whole */
        RANGE_UNSATISFIABLE /* 416 */
};

/* The header `Range` for something of `whole` bytes: "bytes=0-99", "bytes=100-", "bytes=-5". `text` may be
 * NULL. */
enum range_result range_parse(const char *text, uint64_t whole, struct range *out);

/* The header `Content-Range` of a part on its way up: "0-99", "bytes 0-99/200" or "bytes 0-99" followed by
 * a slash and a star. False when malformed. */
bool content_range_parse(const char *text, struct range *out);

#endif
