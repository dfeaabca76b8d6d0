/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of bytes that lie elsewhere, gathered: headers and records lie close together, so that one request
 * brings the neighbours along. */
#ifndef SNAP_ARCHIVE_REMOTE_BUFFER_H
#define SNAP_ARCHIVE_REMOTE_BUFFER_H

#include "archive/archive.h"

/* `out` reads the `size` bytes of `inner`, and keeps those of some places; pieces as large as what it asks
 * for at once come without a detour. Takes `inner` over, also when it fails. */
int remote_buffer_new(const struct archive_remote *inner, uint64_t size, struct archive_remote *out,
                      struct error *err);

#endif
