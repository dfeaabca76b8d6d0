/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that the kernel gives through netlink (netlink(7)), of the network namespace of a process. */
#ifndef SNAP_RUNTIME_NETLINK_H
#define SNAP_RUNTIME_NETLINK_H

#include <linux/netlink.h>
#include <sys/types.h>
#include "base/error.h"

/* A socket of `protocol` (NETLINK_…) in the namespace of `pid`. */
int netlink_open(pid_t pid, int protocol, struct error *err);
/* Sends the request for a list and calls `each` for every item until it returns non-zero, which is returned.
 */
int netlink_list(int fd, const struct nlmsghdr *request,
                 int (*each)(void *context, const struct nlmsghdr *item), void *context, struct error *err);

#endif
