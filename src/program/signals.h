/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM during long work: it stops at its next safe point instead of dying where it stands. */
#ifndef SNAP_PROGRAM_SIGNALS_H
#define SNAP_PROGRAM_SIGNALS_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP only set a flag, however often they come, and a closed pipe is a
 * failed write. Programs that are started get the default actions. */
void signals_catch(void);
bool signals_interrupted(void);
/* Returns when one of them has come. Threads that are started later must block all signals. */
void signals_wait(void);

#endif
