/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a checkpoint lies, as people write it: the path of an archive or of a directory of CRIU images. Every
 * verb that reads a checkpoint opens it through here, so that every verb takes every place.
 */
#ifndef SNAP_OCI_LOCATION_H
#define SNAP_OCI_LOCATION_H

#include "archive/archive.h"

/* Owned by the caller. Errors are those of archive_open. */
int location_open(const char *text, struct archive **out, struct error *err);

#endif
