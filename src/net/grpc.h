/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unary calls of gRPC (grpc.io, "gRPC over HTTP2") on a Unix socket. Knows nothing of the messages.
 */
#ifndef SNAP_NET_GRPC_H
#define SNAP_NET_GRPC_H

#include "base/bytes.h"
#include "net/errors.h"

struct grpc_channel;

/* Only checks that there is a socket (-ENOENT, ERROR_CONNECTION); the first call connects. */
int grpc_channel_open(const char *socket, struct grpc_channel **out, struct error *err);
void grpc_channel_free(struct grpc_channel *channel);
CLEANUP_DEFINE(struct grpc_channel *, grpc_channel_free);
#define _cleanup_grpc_channel_ _cleanup_(grpc_channel_freep)

struct grpc_call {
        const char *method;   /* "/package.Service/Method" */
        const char *metadata; /* "name: value"; may be NULL */
        struct slice message;
        unsigned seconds; /* after these both sides give up; 0: never */
        uint64_t limit;   /* bytes of the message that comes back */
};

/*
 * `out` becomes the message that comes back. What the service says when it refuses stands in the text, its
 * first line, and, when there are more, in the log: -ENOENT (ERROR_NOT_FOUND), -EACCES (ERROR_ACCESS),
 * -ENOTSUP (ERROR_UNSUPPORTED), -ETIMEDOUT (ERROR_TIMEOUT), -ECONNREFUSED (ERROR_CONNECTION), -EIO
 * (ERROR_GRPC) for all else. Otherwise as http_client_send().
 */
int grpc_channel_call(struct grpc_channel *channel, const struct grpc_call *call, struct buffer *out,
                      struct error *err);

/* --- pure parts ----------------------------------------------------------------------------------------- */

/* Appends `message` with its prefix. -EFBIG for more than 4 GiB. */
int grpc_frame_append(struct slice message, struct buffer *out);
/* The one message of a body, borrowed. -EBADMSG: there is none, it is compressed or cut short, or more
 * follows. */
int grpc_frame_read(struct slice body, struct slice *message);
/* What `grpc-message` says, as text for people: percent-encoding undone where it is right, and everything but
 * printable ASCII and line ends replaced. 0 or -ENOMEM. */
int grpc_message_decode(const char *field, struct buffer *out);

#endif
