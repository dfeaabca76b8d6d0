/* SPDX-License-Identifier: Apache-2.0 */
/* `list --containers`: what runs here and can be checkpointed. */
#ifndef SNAP_CLI_LIST_CONTAINERS_H
#define SNAP_CLI_LIST_CONTAINERS_H

#include <stdbool.h>
#include "base/error.h"

/* The containers of all engines, as a table or one JSON array. An engine that cannot say what it has is named
 * on standard error, and does not hide those of others. */
int list_containers(bool json, struct error *err);

#endif
