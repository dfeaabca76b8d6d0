/* SPDX-License-Identifier: Apache-2.0 */
/* What an idle agent keeps in memory. */
#ifndef SNAP_SIDECAR_FOOTPRINT_H
#define SNAP_SIDECAR_FOOTPRINT_H

/* Few arenas: threads come and go, and each arena keeps what its busiest time took. Before any thread. */
void footprint_limit(void);
/*
 * Gives back what only the work that has ended needed: free memory, and the pages of program and libraries
 * that nobody may write to, which come back from the page cache when they are used. Loading and setting up
 * libraries touches several times as many of them as serving does. For every thread, at every time.
 */
void footprint_release(void);

#endif
