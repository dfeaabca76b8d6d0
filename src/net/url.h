/* SPDX-License-Identifier: Apache-2.0 */
/* URLs (RFC 3986) with the scheme http or https, taken apart by libcurl. */
#ifndef SNAP_NET_URL_H
#define SNAP_NET_URL_H

#include "base/bytes.h"
#include "base/error.h"

struct url {
        bool is_tls;
        char *host; /* lower case, without brackets */
        unsigned port;
};

/* Refuses other schemes, a name or password in it, and control characters. -EINVAL (ERROR_HTTP_URL). */
int url_parse(const char *text, struct url *out, struct error *err);
void url_free(struct url *url);
#define _cleanup_url_ _cleanup_(url_free)

/* `reference`, absolute or relative to `base` (RFC 3986, 5.2), as an absolute URL; the caller's to free. */
int url_resolve(const char *base, const char *reference, char **out, struct error *err);
/* The same scheme, host and port: what credentials for one are for. False when one is malformed. */
bool url_same_origin(const char *a, const char *b);
/* Is it this machine by name or number: localhost, 127.0.0.0/8, ::1? `host` may have a port. */
bool url_host_is_loopback(const char *host);

/* Appends `text` with all but unreserved characters as %XX (RFC 3986, 2.1). 0 or -ENOMEM. */
int url_escape(struct buffer *out, const char *text);

#endif
