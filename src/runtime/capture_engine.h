/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint whose archive the engine writes. Only for capture.c. */
#ifndef SNAP_RUNTIME_CAPTURE_ENGINE_H
#define SNAP_RUNTIME_CAPTURE_ENGINE_H

#include "runtime/capture.h"

/* The part of capture.c that is the same for both. */
int capture_preflight(const struct container *container, const struct checkpoint_options *options,
                      const struct progress *progress, struct checkpoint_result *result, struct error *err);

/*
 * Preflight, the engine's call, a look at the freezer, verify, commit. `call` has all but `path`. The archive
 * appears under a name of our own in a private directory beside its final place, so that nobody overwrites it
 * or takes it for complete.
 */
int capture_by_engine(const struct runtime_driver *driver, struct engine_call *call,
                      struct checkpoint_result *result, struct error *err);

#endif
