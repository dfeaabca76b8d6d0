/* SPDX-License-Identifier: Apache-2.0 */
/* CRIU's log of a restore that failed. */
#ifndef SNAP_RUNTIME_RESTORE_LOG_H
#define SNAP_RUNTIME_RESTORE_LOG_H

#include "base/bytes.h"

/* The end of DIRECTORY/restore.log; nothing is appended when there is none. */
void restore_log_read(const char *directory, struct buffer *out);

#endif
