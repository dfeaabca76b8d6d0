/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that servers listen on. */
#ifndef SNAP_NET_LISTEN_H
#define SNAP_NET_LISTEN_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

/* "HOST:PORT" (a name or IPv4), "[IPV6]:PORT", ":PORT" (every address), "unix:PATH" (a socket that nobody
 * answers on any more is replaced; only the owner may connect). Returns the socket. ERROR_SERVER_LISTEN. */
int listen_open(const char *where, struct error *err);
/* Appends where a socket listens, in the same form, with the port that it got. */
int listen_describe(int fd, struct buffer *out);
/* Who is at the other end of a connected socket: the same form; of a Unix socket "unix:uid=UID". */
int listen_describe_peer(int fd, struct buffer *out);
/* The user at the other end; false when it is no Unix socket. */
bool listen_peer_user(int fd, uid_t *out);
/* Can only this machine connect? -EINVAL (ERROR_SERVER_LISTEN) when `where` is malformed. */
int listen_is_local(const char *where, bool *out, struct error *err);

#endif
