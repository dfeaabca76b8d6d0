/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in the look of checkpointctl's first generation: a grid of lines, headings in the middle, numbers to
 * the right, and a cell that says what the one above it says merged with that.
 */
#ifndef SNAP_CLI_GRID_H
#define SNAP_CLI_GRID_H

#include "base/bytes.h"

struct grid;

struct grid *grid_new(void);
void grid_free(struct grid *grid);
CLEANUP_DEFINE(struct grid *, grid_free);
#define _cleanup_grid_ _cleanup_(grid_freep)

/* All columns before the first cell. */
void grid_column(struct grid *grid, const char *heading);
/* The next cell, row by row. The text is untrusted: it is made safe for a terminal. */
void grid_cell(struct grid *grid, const char *text);
void grid_print(const struct grid *grid, FILE *out);

#endif
