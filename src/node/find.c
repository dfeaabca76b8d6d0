/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "node/checkpoint_request.h"
#include "node/node_private.h"
#include "runtime/pod.h"

/* In the engines of this node, one after the other. */
static int find_by_id(struct node *node, const struct checkpoint_request *request,
                      const struct runtime_driver **driver, struct container **out, struct error *err)
{
        for (size_t i = 0; node->drivers[i]; i++) {
                int r;

                if (*request->engine && strcmp(node->drivers[i]->name, request->engine) != 0)
                        continue;
                r = node->drivers[i]->inspect(request->container_id, out, err);
                if (r == -ENOENT)
                        continue;
                *driver = node->drivers[i];
                return r;
        }
        return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "there is no container `%s`",
                         request->container_id);
}

int node_find_container(struct node *node, const struct checkpoint_request *request,
                        const struct runtime_driver **driver, struct container **out, struct error *err)
{
        if (*request->container_id)
                return find_by_id(node, request, driver, out, err);
        if (!*request->pod || !*request->container)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "a request must have `containerId`, or `namespace`, `pod` and `container`");
        return runtime_find_pod_container(*request->namespace ? request->namespace : "default", request->pod,
                                          request->container, node->drivers, driver, out, err);
}
