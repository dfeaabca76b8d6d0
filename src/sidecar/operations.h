/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNAP_SIDECAR_OPERATIONS_H
#define SNAP_SIDECAR_OPERATIONS_H

#include "base/json.h"
#include "node/node.h"
#include "net/request.h"

/* Asks the node for an operation in the name of who asks; takes `doc`, the request, whose "priority" counts.
 * `id` has UNIQUE_ID_SIZE bytes. */
int operation_submit(struct request *request, const char *kind, yyjson_mut_doc *doc, char *id,
                     struct error *err);

#endif
