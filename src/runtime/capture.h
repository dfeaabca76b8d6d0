/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a running container to a verified archive. In order: lock (one checkpoint at a time per container),
 * preflight, guardian, freeze, dump, file system, engine's metadata, thaw, seal, verify, stop if asked, commit.
 *
 * The dump is one call of the OCI runtime. CRIU's page images are named pipes, so memory goes from CRIU into the
 * archive without lying on disk in between; its small images lie in a directory and are added after the pages.
 *
 * The guardian is a child process that freezes, runs the runtime and thaws. When we die, however, it drains the
 * pipes, lets the runtime finish (a dump that is cut off can kill the container), thaws and removes what is
 * unfinished.
 */
#ifndef SNAP_RUNTIME_CAPTURE_H
#define SNAP_RUNTIME_CAPTURE_H

#include "runtime/runtime.h"

int capture_checkpoint(const struct runtime_driver *driver, const struct container *container,
                       const struct checkpoint_options *options, const struct progress *progress,
                       struct checkpoint_result *out, struct error *err);

#endif
