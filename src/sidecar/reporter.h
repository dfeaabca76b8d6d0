/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the log of each operation that has ended, and gives memory back when there is nothing more to do;
 * once a minute it also sees to the agent's certificate. */
#ifndef SNAP_SIDECAR_REPORTER_H
#define SNAP_SIDECAR_REPORTER_H

#include "base/cleanup.h"
#include "sidecar/agent.h"

struct reporter;

/* Both must outlive it. */
int reporter_start(struct node *node, struct agent *agent, struct reporter **out, struct error *err);
/* Once the node has stopped. */
void reporter_stop(struct reporter *reporter);
CLEANUP_DEFINE(struct reporter *, reporter_stop);
#define _cleanup_reporter_ _cleanup_(reporter_stopp)

#endif
