/* SPDX-License-Identifier: Apache-2.0 */
/* A container that goes elsewhere with its connections must leave without a word: neither its death nor an
 * answer of its old host may end them at the peer. */
#ifndef SNAP_RUNTIME_NETWORK_H
#define SNAP_RUNTIME_NETWORK_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"
#include "runtime/cgroup.h"

/* Refuses (-EBUSY) unless all processes in the network namespace of `pid` belong to the container's group. */
int network_check_own(pid_t pid, const struct cgroup *cgroup, struct error *err);
/* The same for one of a pod, whose network is the pod's: refuses when it is that of the host. */
int network_check_not_host(pid_t pid, struct error *err);
/* Has all interfaces of that namespace drop what is sent, until that is undone: while several processes with
 * connections to each other are restored, what the first says must not be answered for those to come. TCP
 * says it again. */
int network_mute(pid_t pid, bool mute, struct error *err);
/* Takes all interfaces of that namespace down. */
int network_silence(pid_t pid, struct error *err);

#endif
