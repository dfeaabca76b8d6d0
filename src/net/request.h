/* SPDX-License-Identifier: Apache-2.0 */
/* A request that is being served, and its answer. */
#ifndef SNAP_NET_REQUEST_H
#define SNAP_NET_REQUEST_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

struct request;

/* Who asks. `grant` is the application's: what they may do. */
struct principal {
        char name[384]; /* empty: nobody in particular; service accounts have long ones */
        char groups[8][128];
        size_t group_count;
        void *grant;
        void (*grant_free)(void *grant); /* may be NULL */
};

/* --- the request; all that is returned is borrowed and valid until it ends --------------------------------
 */

void *request_context(const struct request *request); /* of the server */
int request_tag(const struct request *request);       /* of the route */
const char *request_method(const struct request *request);
const char *request_path(const struct request *request); /* as it was sent, without the query */
/* A parameter of the route, decoded; "" when the pattern has none of that name. */
const char *request_parameter(const struct request *request, const char *name);
/* A field of the query, decoded; NULL when absent, "" without a value. */
const char *request_query(struct request *request, const char *name);
/* NULL when absent. */
const char *request_header(const struct request *request, const char *name);
/* Of the body: 0 when there is none, UINT64_MAX when it is sent in chunks. */
uint64_t request_body_size(const struct request *request);
const struct principal *request_principal(const struct request *request);
/* Sets name (CN) and groups (O) to those of the certificate that the client showed and the server's authority
 * signed; false without one. */
bool request_client_certificate(struct request *request, struct principal *out);
/* The user at the other end of a Unix socket; false over a network. */
bool request_peer_user(const struct request *request, uid_t *out);
/* Appends where it came from: "10.0.0.7:51324", "unix:uid=0". */
int request_describe_peer(const struct request *request, struct buffer *out);
/* The pattern of its route; NULL: it has none. */
const char *request_pattern(const struct request *request);
/* A stream without end must end when this says so. */
bool request_is_ending(const struct request *request);

/* Within the handler's `free`: has all of the answer been handed to the kernel? */
bool request_was_sent(const struct request *request);

/* What the handler keeps from call to call; its `free` gets it. */
void request_set_state(struct request *request, void *state);
void *request_state(const struct request *request);

/* --- the answer: exactly one of these. 0 or a negative errno -----------------------------------------------
 */

/* Headers go before the answer. A value with control characters is refused (-EINVAL). */
int request_set_header(struct request *request, struct error *err, const char *name, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

int request_respond_status(struct request *request, unsigned status, struct error *err);
int request_respond_bytes(struct request *request, unsigned status, const char *type, struct slice bytes,
                          struct error *err);
/* Text that may quote a client as ASCII, which fits into JSON; returns `out`. */
char *response_text(const char *text, char *out, size_t size);
/* {"error":{"code","text","hint"}} with the HTTP status of its kind. */
int request_respond_error(struct request *request, const struct error *error, struct error *err);

/* A file of `size` bytes, or what the header Range asks of it (206, 416); 304 when the client has it
 * (If-None-Match). `etag` without quotes. Takes `fd`, also on failure. By sendfile where there is no TLS. */
int request_respond_file(struct request *request, const char *type, const char *etag, int fd, uint64_t size,
                         struct error *err);
/* Does the request ask for a part, or for nothing since it has it? Then a whole is not what would be sent. */
bool request_wants_whole(const struct request *request, const char *etag, uint64_t size);

/* Bytes from a callback, which may block, a server-sent event stream for hours. The request outlives calls of
 * `read`, but not that of `free`. */
struct response_source {
        /* Bytes put into `data`; 0 at the end; a negative errno breaks the connection off, which is how a
         * client learns that what it got is not whole. */
        ssize_t (*read)(void *context, uint64_t offset, void *data, size_t size);
        void (*free)(void *context); /* may be NULL */
        void *context;               /* taken, also on failure */
};
#define RESPONSE_SIZE_UNKNOWN UINT64_MAX
int request_respond_stream(struct request *request, unsigned status, const char *type, uint64_t size,
                           const struct response_source *source, struct error *err);

#endif
