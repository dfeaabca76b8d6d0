/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups that somebody froze and left so. */
#ifndef SNAP_RUNTIME_FROZEN_H
#define SNAP_RUNTIME_FROZEN_H

#include "runtime/survey.h"

/* Looks through the hierarchy at `root` ("/sys/fs/cgroup"), of either version. */
int frozen_find(const char *root, struct finding *out, struct error *err);

#endif
