/* SPDX-License-Identifier: Apache-2.0 */
/* What a request for a checkpoint says (docs/node.md, "Requests"), shared by those of containers and of pods.
 * Pure: no container is looked at. */
#ifndef SNAP_NODE_CHECKPOINT_REQUEST_H
#define SNAP_NODE_CHECKPOINT_REQUEST_H

#include "base/json.h"
#include "runtime/runtime.h"

/* A liveness probe, as Kubernetes defines it; seconds. */
struct liveness {
        bool given;
        unsigned period, timeout, failures;
};

/* Borrows the texts of the JSON. */
struct checkpoint_request {
        const char *namespace, *pod, *container; /* "" when not given */
        const char *container_id, *engine;
        int priority;
        struct liveness liveness;
        struct checkpoint_options options; /* but output, digest and completed */
};

/* ERROR_BAD_INPUT names the member that is wrong. */
int checkpoint_request_parse(yyjson_val *object, struct checkpoint_request *out, struct error *err);
/* A member that must be text, if it is there; NULL when it is not. */
int request_text(yyjson_val *object, const char *member, const char **out, struct error *err);
/* "refuse", "keep", "close"; the first when it is not there. */
int request_tcp(yyjson_val *object, enum tcp_policy *out, struct error *err);
/* true or false; false when it is not there. */
int request_flag(yyjson_val *object, const char *member, bool *out, struct error *err);

/* How long a container may stand still before the kubelet restarts it: as many probes in a row as it takes,
 * the last of which must time out. Seconds. */
double liveness_allows(const struct liveness *liveness);

#endif
