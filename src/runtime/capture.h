/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a running container to a verified archive. In order: lock (one checkpoint at a time per container),
 * preflight, guardian, freeze, dump, engine's metadata, file system, thaw, CRIU's small images, seal, verify,
 * commit. A container that is to be stopped stays frozen until the archive is committed, and is ended then.
 *
 * The dump is one call of the OCI runtime. CRIU's page images are named pipes, so memory goes from CRIU into
 * the archive without lying on disk in between; its small images lie in a directory and are added after the
 * pages.
 *
 * The guardian is a child process that freezes, runs the runtime and thaws. When we die, however, it breaks
 * the dump off at the next page (CRIU then sets the processes free by itself; to kill CRIU would leave its
 * code in them), thaws and removes what is unfinished.
 *
 * Some drivers have the engine write the archive (capture_engine.h): then lock, preflight, verify and commit
 * are the same, and all between is the engine's.
 */
#ifndef SNAP_RUNTIME_CAPTURE_H
#define SNAP_RUNTIME_CAPTURE_H

#include "runtime/runtime.h"

int capture_checkpoint(const struct runtime_driver *driver, const struct container *container,
                       const struct checkpoint_options *options, const struct progress *progress,
                       struct checkpoint_result *out, struct error *err);

/* Ends the dumps of checkpoints whose processes were all killed, thaws their containers, and removes what
 * they left unfinished. `recovered`: how many there were. Checkpoints under way are left alone. */
int capture_recover(unsigned *recovered, struct error *err);

#endif
