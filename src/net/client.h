/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client (RFC 9110, 9112) that keeps its connections. Certificates are always checked (TLS 1.2 or
 * newer); proxies come from the environment, as curl takes them. It does not follow redirects and does not
 * try again: who knows what the request means does. May be used by several threads at once.
 */
#ifndef SNAP_NET_CLIENT_H
#define SNAP_NET_CLIENT_H

#include <limits.h>
#include "base/bytes.h"
#include "base/progress.h"
#include "net/errors.h"

struct http_client;

/* All may be 0 or NULL. What it points to must outlive the client. */
struct http_client_options {
        const char *ca_file;             /* PEM, to trust beside the system's */
        bool only_ca_file;               /* and nothing else */
        struct slice authorities;        /* PEM, to trust as well */
        const char *certificate, *key;   /* PEM, of the client; the key may be in the same file */
        const struct progress *progress; /* its `cancelled` ends a request within a second (-ECANCELED) */
        unsigned stall_seconds;          /* a request without a byte for so long fails; default 60 */
        const char *socket;              /* path of a Unix socket that is asked, whatever host a URL names */
        bool http2;                      /* HTTP/2 from the first byte on (RFC 9113, 3.3), which gRPC wants */
};

#define HTTP_STALL_NEVER UINT_MAX /* as `stall_seconds`: the other side may take as long as it needs */

int http_client_new(const struct http_client_options *options, struct http_client **out, struct error *err);
void http_client_free(struct http_client *client);
CLEANUP_DEFINE(struct http_client *, http_client_free);
#define _cleanup_http_client_ _cleanup_(http_client_freep)

#define HTTP_HEADERS_MAX (64 * KIB) /* of one answer */
#define HTTP_BODY_MAX    (64 * KIB) /* of one that is no success; what is more is dropped */

struct http_response {
        unsigned status;
        struct buffer headers; /* "Name: value", each with a NUL */
        struct buffer body;    /* unless a sink took it */
};

/* First field of that name, without blanks around it, borrowed; NULL when there is none. */
const char *http_response_header(const struct http_response *response, const char *name);
/* The next one after `value`, which came from either of them. */
const char *http_response_next_header(const struct http_response *response, const char *name,
                                      const char *value);
void http_response_free(struct http_response *response);
#define _cleanup_http_response_ _cleanup_(http_response_free)

/* Takes the body of a success (2xx) as it comes; status and headers are there. A negative errno ends the
 * request, and is what it returns. */
typedef int (*http_sink)(void *context, const struct http_response *response, struct slice bytes,
                         struct error *err);

struct http_request {
        const char *method;
        const char *url;
        const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
        bool has_body;              /* of `body`, which may be empty */
        struct slice body;
        /* In its place, a body whose length is not known: fills in up to `size` bytes from offset `at` of it,
         * 0 at its end. May block. A negative errno ends the request, and is what it returns. */
        ssize_t (*source)(void *context, uint64_t at, void *data, size_t size, struct error *err);
        http_sink sink;
        bool (*is_over)(void *context); /* true ends it (-ECANCELED); asked at least once a second; or NULL */
        void *context;                  /* of these functions */
        uint64_t limit;                 /* bytes of a success without a sink; more is -EFBIG */
        unsigned stall_seconds;         /* 0: the client's */
};

/*
 * 0: there is an answer, of whatever status. Otherwise, with the host in the text: -EHOSTUNREACH
 * (ERROR_HOST_UNKNOWN), -ECONNREFUSED or -ECONNRESET (ERROR_CONNECTION), -EKEYREJECTED (ERROR_TLS_UNTRUSTED),
 * -EPROTO (ERROR_TLS_HANDSHAKE), -EINVAL (ERROR_TLS_OWN, ERROR_HTTP_URL), -ETIMEDOUT, -EBADMSG
 * (ERROR_HTTP_PROTOCOL), -EFBIG, -ECANCELED. `response` is to be freed in any case; what came before a break
 * stays in it.
 */
int http_client_send(struct http_client *client, const struct http_request *request,
                     struct http_response *response, struct error *err);

#endif
