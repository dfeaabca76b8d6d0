/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoints left behind that were killed with their guardian. */
#ifndef SNAP_CLI_RECOVERY_H
#define SNAP_CLI_RECOVERY_H

#include "base/error.h"

/* Thaws and removes it, and says so on standard error when there was any. */
int recovery_run(struct error *err);

#endif
