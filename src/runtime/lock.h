/* SPDX-License-Identifier: Apache-2.0 */
/* One checkpoint at a time per container, whoever asks for it. */
#ifndef SNAP_RUNTIME_LOCK_H
#define SNAP_RUNTIME_LOCK_H

#include "base/error.h"
#include "base/progress.h"
#include "runtime/runtime.h"

/* Where this machine's locks and marks of frozen containers lie; gone after a reboot, as they must be. */
#define LOCK_DIRECTORY "/run/snap"

/* Waits (phase "wait") until `deadline_us` (monotonic; 0: for ever) for the lock of the container. Returns
 * its descriptor (close-on-exec): the lock is held until every copy of it is closed. -EBUSY at the deadline.
 */
int lock_acquire(const struct container *container, uint64_t deadline_us, const struct progress *progress,
                 struct error *err);
/*
 * The keeper's lock of a container whose lock is held: for whoever looks after its dump, and not, as that
 * one, for the runtime too. Lock held and keeper's free: the dump runs on with nobody to end it.
 */
int lock_acquire_keeper(const struct container *container, struct error *err);
/* The same two without waiting, by the name "ENGINE-ID". -EBUSY when somebody holds it. */
int lock_try(const char *key, struct error *err);
int lock_try_keeper(const char *key, struct error *err);
/* "ENGINE-ID", to be freed; NULL when out of memory. */
char *lock_key(const struct container *container);

#endif
