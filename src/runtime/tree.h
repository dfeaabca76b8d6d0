/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree as tar entries in a member of an archive. */
#ifndef SNAP_RUNTIME_TREE_H
#define SNAP_RUNTIME_TREE_H

#include "archive/writer.h"

/*
 * Adds the member `name`: a tar of everything under the directory `path`, entries "." and "./…" as Podman
 * writes them. Other file systems are not entered; what vanishes meanwhile is left out.
 */
int tree_add(struct archive_writer *writer, const char *name, const char *path, struct error *err);

#endif
