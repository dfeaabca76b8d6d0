/* SPDX-License-Identifier: Apache-2.0 */
/* Before a dump: how large it will be, and how long the container will stand still. */
#ifndef SNAP_NODE_ESTIMATE_H
#define SNAP_NODE_ESTIMATE_H

#include "node/checkpoint_request.h"
#include "node/node.h"

struct estimate {
        uint64_t memory, files; /* bytes */
};

/* Of a running container: its memory, and the files of its upper directory (without one, of its root). */
int estimate_container(const struct container *container, struct estimate *out, struct error *err);
/* Bytes that its archive may take. */
uint64_t estimate_space(const struct estimate *estimate);
/* Seconds, at the rate of former large checkpoints of this node; 1 GiB/s where there are none. */
int estimate_freeze(struct catalog *catalog, const struct estimate *estimate, double *out, struct error *err);
/* ERROR_PROBE_PERIOD when the container would stand still for longer than its liveness probe bears. */
int estimate_check_liveness(struct catalog *catalog, const struct estimate *estimate,
                            const struct liveness *liveness, const char *subject, struct error *err);

#endif
