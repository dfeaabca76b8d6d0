/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows on standard error how far long work is: a bar that is redrawn on a terminal, plain lines "phase: …"
 * elsewhere, nothing when quiet. Ctrl-C and SIGTERM become `cancelled`.
 */
#ifndef SNAP_CLI_PROGRESS_BAR_H
#define SNAP_CLI_PROGRESS_BAR_H

#include "base/cleanup.h"
#include "base/progress.h"

struct progress_bar;

enum progress_style {
        PROGRESS_NONE,
        PROGRESS_LINES,
        PROGRESS_TERMINAL,
        PROGRESS_LATE /* a bar on a terminal, of what takes more than a second, and nothing elsewhere */
};

/* What suits `out`. */
enum progress_style progress_style_for(FILE *out, bool quiet);
/* `out` is borrowed. */
struct progress_bar *progress_bar_new(FILE *out, enum progress_style style);
/* To be handed to long work; lives as long as the bar. */
const struct progress *progress_bar_progress(struct progress_bar *bar);
/* Ends the last phase, so that other text may follow. */
void progress_bar_finish(struct progress_bar *bar);
void progress_bar_free(struct progress_bar *bar);
CLEANUP_DEFINE(struct progress_bar *, progress_bar_free);
#define _cleanup_progress_bar_ _cleanup_(progress_bar_freep)

#endif
