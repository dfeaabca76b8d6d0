/* SPDX-License-Identifier: Apache-2.0 */
/* Every route of the agent, with the right that it asks for and where (authority.h) as its tag. */
#ifndef SNAP_SIDECAR_ROUTES_H
#define SNAP_SIDECAR_ROUTES_H

#include "net/route.h"

extern const struct route agent_routes[];
extern const size_t agent_route_count;

#endif
