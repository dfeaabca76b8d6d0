/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/routes.h"

#include "sidecar/authority.h"
#include "sidecar/handlers.h"
#include "sidecar/transfer.h"

#define TAG(right, scope) ROUTE_TAG(RIGHT_##right, SCOPE_##scope)
#define NOBODY            0 /* is asked for */

const struct route agent_routes[] = {
        {"POST", "/checkpoint/{namespace}/{pod}/{container}", &handle_kubelet_checkpoint,
         TAG(CREATE, NAMESPACE)},

        {"GET", "/containers", &handle_containers, TAG(LIST, ANYWHERE)},
        {"POST", "/checkpoints", &handle_checkpoint_post, TAG(CREATE, ANYWHERE)},
        {"GET", "/checkpoints", &handle_checkpoints, TAG(LIST, ANYWHERE)},
        {"GET", "/checkpoints/{id}", &handle_checkpoint, TAG(GET, CHECKPOINT)},
        {"DELETE", "/checkpoints/{id}", &handle_checkpoint_delete, TAG(DELETE, CHECKPOINT)},
        {"PUT", "/checkpoints/{id}/pin", &handle_pin_put, TAG(UPDATE, CHECKPOINT)},
        {"DELETE", "/checkpoints/{id}/pin", &handle_pin_delete, TAG(UPDATE, CHECKPOINT)},
        {"POST", "/checkpoints/{id}/verify", &handle_verify, TAG(GET, CHECKPOINT)},
        {"POST", "/checkpoints/{id}/restore", &handle_restore, TAG(RESTORE, CHECKPOINT)},

        {"GET", "/checkpoints/{id}/archive", &handle_archive, TAG(READ, TICKET)},
        {"GET", "/checkpoints/{id}/chunks", &handle_chunks, TAG(READ, TICKET)},
        {"GET", "/checkpoints/{id}/layers", &handle_layers, TAG(READ, TICKET)},
        {"POST", "/checkpoints/{id}/ticket", &handle_ticket, TAG(READ, CHECKPOINT)},
        {"DELETE", "/checkpoints/{id}/ticket", &handle_ticket_end, TAG(READ, TICKET)},
        {"POST", "/images", &handle_image, TAG(CREATE, ANYWHERE)},
        {"POST", "/fetches", &handle_fetch, TAG(CREATE, ANYWHERE)},
        {"GET", "/checkpoints/{id}/{verb}", &handle_inspection, TAG(READ, CHECKPOINT)},

        {"GET", "/operations", &handle_operations, TAG(LIST, ANYWHERE)},
        {"GET", "/operations/{id}", &handle_operation, TAG(GET, OPERATION)},
        {"GET", "/operations/{id}/events", &handle_operation_events, TAG(GET, OPERATION)},
        {"GET", "/events", &handle_events, TAG(LIST, ANYWHERE)},
        {"DELETE", "/operations/{id}", &handle_operation_cancel, TAG(CREATE, OPERATION)},

        {"GET", "/metrics", &handle_metrics, TAG(METRICS, NODE)},
        {"GET", "/healthz", &handle_live, NOBODY},
        {"GET", "/livez", &handle_live, NOBODY},
        {"GET", "/readyz", &handle_ready, NOBODY},
};
const size_t agent_route_count = ARRAY_SIZE(agent_routes);
