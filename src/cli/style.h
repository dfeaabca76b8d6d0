/* SPDX-License-Identifier: Apache-2.0 */
/* Colour for people: on a terminal only, and never with NO_COLOR (no-color.org) or TERM=dumb. Elsewhere not a
 * byte is added. */
#ifndef SNAP_CLI_STYLE_H
#define SNAP_CLI_STYLE_H

#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_HEADING, STYLE_GOOD, STYLE_WARNING, STYLE_BAD };

/* What goes before and after styled text on `out`; "" where there is no colour. */
const char *style_begin(enum style style, FILE *out);
const char *style_end(enum style style, FILE *out);

#endif
