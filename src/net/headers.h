/* SPDX-License-Identifier: Apache-2.0 */
/* Values of HTTP header fields, as pure functions over what another machine sent. */
#ifndef SNAP_NET_HEADERS_H
#define SNAP_NET_HEADERS_H

#include "base/bytes.h"

/* --- WWW-Authenticate (RFC 9110, 11.6.1) ---------------------------------------------------------------- */

#define HTTP_CHALLENGE_PARAMETERS 16

/* One challenge: a scheme and its parameters, all owned. */
struct http_challenge {
        char *scheme; /* as it was sent; compare without case */
        struct {
                char *name, *value;
        } parameters[HTTP_CHALLENGE_PARAMETERS];
        unsigned count;
};

/* Takes the next challenge off the front of `*field`, which may hold several. 1: there was one; 0: no more;
 * -EBADMSG; -ENOMEM. */
int http_challenge_next(const char **field, struct http_challenge *out);
/* Borrowed; NULL when absent. Names are compared without case. */
const char *http_challenge_parameter(const struct http_challenge *challenge, const char *name);
void http_challenge_free(struct http_challenge *challenge);
#define _cleanup_http_challenge_ _cleanup_(http_challenge_free)

/* --- others --------------------------------------------------------------------------------------------- */

/* Target of the first link with that relation in a Link field (RFC 8288), the caller's to free; NULL when
 * there is none. */
char *http_link(const char *field, const char *relation);
/* Seconds to wait by a Retry-After field (RFC 9110, 10.2.3): a number, or a date compared with `now` (seconds
 * since 1970). 0 when it is neither, or past. */
uint64_t http_retry_after(const char *field, int64_t now);
/* "bytes FIRST-LAST/TOTAL" (RFC 9110, 14.4); `total` is UINT64_MAX for "*". */
bool http_content_range(const char *field, uint64_t *first, uint64_t *last, uint64_t *total);
/* Decimal digits and nothing else, no overflow. */
bool http_number(const char *field, uint64_t *out);

#endif
