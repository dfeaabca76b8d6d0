/* SPDX-License-Identifier: Apache-2.0 */
/* A plain layer in a registry, read where it lies: only what is asked for travels. */
#ifndef SNAP_OCI_REMOTE_LAYER_H
#define SNAP_OCI_REMOTE_LAYER_H

#include "archive/archive.h"
#include "oci/source.h"

struct remote_layer;

/* Takes over `source`, also when it fails; layers of one image share it: they are opened together. */
int remote_layers_open(struct source *source, const struct descriptor *blobs, size_t count,
                       struct archive_remote *out, struct error *err);

#endif
