/* SPDX-License-Identifier: Apache-2.0 */
/* What serves the routes (docs/node.md), by the file that it is in. */
#ifndef SNAP_SIDECAR_HANDLERS_H
#define SNAP_SIDECAR_HANDLERS_H

#include "net/server.h"

/* checkpoints.c, containers.c */
extern const struct handler handle_containers, handle_checkpoint_post, handle_checkpoints, handle_checkpoint,
        handle_checkpoint_delete, handle_pin_put, handle_pin_delete;
/* images.c */
extern const struct handler handle_image;
/* operations.c, events.c */
extern const struct handler handle_verify, handle_restore, handle_fetch, handle_operations, handle_operation,
        handle_operation_cancel, handle_operation_events, handle_events;
/* kubelet.c, inspection.c, probes.c */
extern const struct handler handle_kubelet_checkpoint, handle_inspection, handle_metrics, handle_live,
        handle_ready;

#endif
