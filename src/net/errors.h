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
        ERROR_HTTP_PROXY,                          /* the proxy refused or cannot be reached */
        ERROR_GRPC;                                /* the service that was called says no */

/* What servers answer, or cannot begin with. */
extern const struct error_kind ERROR_HTTP_REQUEST, /* 400: malformed in a way that has no kind of its own */
        ERROR_HTTP_UNAUTHENTICATED,                /* 401: no credentials, or wrong ones */
        ERROR_HTTP_FORBIDDEN,                      /* 403: known, but not allowed */
        ERROR_HTTP_PATH,                           /* 404: no such route */
        ERROR_HTTP_METHOD,                         /* 405 */
        ERROR_HTTP_TOO_LARGE,                      /* 413: the body */
        ERROR_HTTP_HEADER,                         /* 431: header or address too long */
        ERROR_SERVER_LISTEN,                       /* the address cannot be listened on */
        ERROR_SERVER_TLS;                          /* certificate, key or authority is unusable */

/* All of them, NULL-terminated. */
extern const struct error_kind *const net_error_kinds[];

#endif
