/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of node.h. */
#ifndef SNAP_CLI_NODE_INTERNAL_H
#define SNAP_CLI_NODE_INTERNAL_H

#include "cli/node.h"
#include "net/client.h"

/* Sends `request`, whose url is made of `path` and whose headers of ours and `extra` (may be NULL). An answer
 * that is no success is the error it tells. */
int node_send(const char *path, const char *extra, struct http_request *request,
              struct http_response *response, struct error *err);
/* location_open() on the node. */
int node_open_archive(const char *name, struct archive **out, struct error *err);
/* {"code","text","hint","log"} of the node as an error of ours. Returns a negative errno. */
int node_error(yyjson_val *object, const char *otherwise, struct error *err);

#endif
