/* SPDX-License-Identifier: Apache-2.0 */
/* A container that goes elsewhere with its connections must leave without a word: neither its death nor an
 * answer of its old host may end them at the peer. */
#ifndef SNAP_RUNTIME_NETWORK_H
#define SNAP_RUNTIME_NETWORK_H

#include <sys/types.h>
#include "base/error.h"
#include "runtime/cgroup.h"

/* Refuses (-EBUSY) unless all processes in the network namespace of `pid` belong to the container's group. */
int network_check_own(pid_t pid, const struct cgroup *cgroup, struct error *err);
/* Takes all interfaces of that namespace down. */
int network_silence(pid_t pid, struct error *err);

#endif
