/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of a network namespace, as the kernel lists them. */
#ifndef SNAP_RUNTIME_SOCKETS_H
#define SNAP_RUNTIME_SOCKETS_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

struct socket_tcp {
        uint64_t inode;
        bool listening, connected; /* connected: a state CRIU dumps only when told what to do with it */
        uint16_t local_port, remote_port;
        uint64_t waiting;           /* of a listener: connections that were not accepted yet */
        char local[64], remote[64]; /* "10.0.0.2:80", "[::1]:80" */
};
/* Calls `each` for every TCP socket in the network namespace of `pid` until it returns non-zero. */
int socket_each_tcp(pid_t pid, int (*each)(void *context, const struct socket_tcp *socket), void *context,
                    struct error *err);

/* Unix sockets with a peer: (inode, inode of the peer), in the network namespace of `pid`. */
int socket_each_unix(pid_t pid, int (*each)(void *context, uint64_t inode, uint64_t peer), void *context,
                     struct error *err);

#endif
