/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong between two machines (codes SNAP-5xx). */
#ifndef SNAP_NET_ERRORS_H
#define SNAP_NET_ERRORS_H

#include "base/error.h"

extern const struct error_kind ERROR_HTTP_LIBRARY, /* libcurl cannot be loaded */
        ERROR_HTTP_URL,                            /* no http or https URL */
        ERROR_HOST_UNKNOWN,                        /* the name has no address */
        ERROR_CONNECTION,                          /* refused, unreachable, or dropped */
        ERROR_TLS_HANDSHAKE,                       /* the other side speaks no TLS, or none that is safe */
        ERROR_TLS_UNTRUSTED,                       /* its certificate is not trusted, or for another name */
        ERROR_TLS_OWN,                             /* our CA, certificate or key cannot be used */
        ERROR_HTTP_TIMEOUT,                        /* no answer, or no bytes for too long */
        ERROR_HTTP_PROTOCOL,                       /* what came was not HTTP, or more than is accepted */
        ERROR_HTTP_PROXY;                          /* the proxy refused or cannot be reached */

/* All of them, NULL-terminated. */
extern const struct error_kind *const net_error_kinds[];

#endif
