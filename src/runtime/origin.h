/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that a dump was taken on. */
#ifndef SNAP_RUNTIME_ORIGIN_H
#define SNAP_RUNTIME_ORIGIN_H

#include "archive/metadata.h"
#include "criu/dump.h"
#include "runtime/host.h"

/*
 * As snap.json says, else as CRIU's log does, else as the images show: text is "" and numbers are 0 where
 * none of them does, and only snap.json lists the features of the processor. `dump` is that of the archive,
 * loaded with CRIU_LOAD_MOUNTS.
 */
int origin_load(struct archive *archive, const struct metadata *metadata, const struct criu_dump *dump,
                struct host_facts **out, struct error *err);

#endif
