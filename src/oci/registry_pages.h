/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that a registry gives in pages (distribution-spec "Listing Tags", RFC 8288). */
#ifndef SNAP_OCI_REGISTRY_PAGES_H
#define SNAP_OCI_REGISTRY_PAGES_H

#include "base/json.h"
#include "oci/registry_private.h"

/* Takes the root of one page. A negative errno ends it. */
typedef int (*page_sink)(void *context, yyjson_val *root, struct error *err);

/* Gets `call` and the pages that follow it, from the same host only. 1: all of them; 0: the first answer, in
 * `response`, is no success; or a negative errno. */
int pages_get(struct registry *registry, const struct registry_call *call, page_sink sink, void *context,
              struct http_response *response, struct error *err);

#endif
