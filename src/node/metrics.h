/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters and histograms of a node. A series is made when it is first counted; there are never more than
 * METRICS_SERIES_MOST of one name: what comes after them is counted under the namespace "other", so that
 * memory and the answer stay bounded whatever namespaces there are.
 */
#ifndef SNAP_NODE_METRICS_H
#define SNAP_NODE_METRICS_H

#include "catalog/checkpoint.h"
#include "catalog/operation.h"

struct metrics;

#define METRICS_SERIES_MOST 256

int metrics_new(struct metrics **out, struct error *err);
void metrics_free(struct metrics *metrics);
CLEANUP_DEFINE(struct metrics *, metrics_free);

/* An operation has ended; `last` is the phase in which that happened. */
void metrics_count_operation(struct metrics *metrics, const struct operation *operation,
                             enum operation_phase last);
void metrics_count_rejected(struct metrics *metrics);
void metrics_observe_phase(struct metrics *metrics, const char *kind, enum operation_phase phase,
                           uint64_t us);
void metrics_observe_checkpoint(struct metrics *metrics, const struct checkpoint *checkpoint);

/* A layer of an image came from another node, or did not: what came of it. */
void metrics_observe_layer(struct metrics *metrics, bool is_whole, uint64_t bytes);

/* Appends them as Prometheus text. */
int metrics_write(struct metrics *metrics, struct buffer *out);

/* For figures that are looked up when they are asked for: "# HELP", "# TYPE … gauge", and samples. `labels`
 * NULL: none; else "name=\"value\",…", of which values went through metrics_label(). 0 or -ENOMEM. */
int metrics_write_header(struct buffer *out, const char *name, const char *type, const char *help);
int metrics_write_sample(struct buffer *out, const char *name, const char *labels, double value);
/* Appends NAME="VALUE", escaped, after a comma if there are labels already. */
int metrics_label(struct buffer *labels, const char *name, const char *value);

#endif
