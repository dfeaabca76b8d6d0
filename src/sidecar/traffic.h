/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked of the agent, counted by route and status. Thread-safe. */
#ifndef SNAP_SIDECAR_TRAFFIC_H
#define SNAP_SIDECAR_TRAFFIC_H

#include "base/bytes.h"
#include "base/error.h"
#include "net/route.h"

struct traffic;

/* `routes` is borrowed. */
int traffic_new(const struct route *routes, size_t count, struct traffic **out, struct error *err);
void traffic_free(struct traffic *traffic);
/* `pattern` of the route, NULL: none; `status` 0: broken off. */
void traffic_count(struct traffic *traffic, const char *method, const char *pattern, unsigned status);
/* Appends them, and what the process takes, in Prometheus' text format (docs/node.md, "Metrics"). */
int traffic_metrics(struct traffic *traffic, struct buffer *out, struct error *err);

#endif
