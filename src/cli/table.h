/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned text tables in the look of checkpointctl and kubectl: upper-case headings (bold on
 * terminals), a row of dashes, cells
 * padded to the widest of their column plus three blanks, the last column not padded. */
#ifndef SNAP_CLI_TABLE_H
#define SNAP_CLI_TABLE_H

#include "base/bytes.h"
#include "cli/style.h"

struct table;

struct table *table_new(void);
void table_free(struct table *table);
CLEANUP_DEFINE(struct table *, table_free);
#define _cleanup_table_ _cleanup_(table_freep)

/* All columns before the first cell. */
void table_column(struct table *table, const char *heading);
/* The next cell, row by row. The text is untrusted: it is made safe for a terminal. */
void table_cell(struct table *table, const char *text);
/* The same in a style, on terminals. */
void table_cell_styled(struct table *table, enum style style, const char *text);
void table_print(const struct table *table, FILE *out);

#endif
