/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Podman's own record of a container, as Podman itself puts it into a checkpoint. "podman inspect" does not
 * give it, so it is read from Podman's SQLite database (libpod/sqlite_state.go), read-only.
 */
#ifndef SNAP_RUNTIME_PODMAN_DB_H
#define SNAP_RUNTIME_PODMAN_DB_H

#include "base/bytes.h"
#include "base/error.h"

/* `graph_root` is the storage directory. Appends libpod's ContainerConfig and ContainerState as JSON texts.
 */
int podman_db_read(const char *graph_root, const char *id, struct buffer *config, struct buffer *state,
                   struct error *err);

#endif
