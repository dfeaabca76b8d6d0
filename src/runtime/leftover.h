/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups that a failed restore left behind. */
#ifndef SNAP_RUNTIME_LEFTOVER_H
#define SNAP_RUNTIME_LEFTOVER_H

/* Removes the group `path` ("/libpod_parent/libpod-ID") with what is below it from every hierarchy, as far as
 * nobody is in it. The runtimes stumble over such groups when the same container is restored again. */
void leftover_remove(const char *path);

#endif
