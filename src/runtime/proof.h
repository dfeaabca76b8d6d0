/* SPDX-License-Identifier: Apache-2.0 */
/* Has what was restored been seen running? */
#ifndef SNAP_RUNTIME_PROOF_H
#define SNAP_RUNTIME_PROOF_H

#include "criu/dump.h"
#include "runtime/runtime.h"

/*
 * Looks for the process tree of the dump under result->pid until it is there or a few seconds have passed;
 * fills start_time and processes. -ENOENT (ERROR_RESTORE_NOT_SEEN) names what was missing. Init must be
 * there, and so must every other process, under its number and its parent, unless it may have come to its own
 * end since.
 */
int proof_wait(const struct criu_dump *dump, struct restore_result *result, struct error *err);

#endif
