/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a man page (man(7)), on standard output. */
#ifndef SNAP_PROGRAM_MAN_H
#define SNAP_PROGRAM_MAN_H

#include "program/option.h"

/* Up to and with the name of the page; its summary follows. `part` of the name may be NULL. */
void man_print_heading(const char *name, const char *part, unsigned section);
/* Text as roff: nothing in it is a request, hyphens can be copied, an empty line is a paragraph, and where
 * `wrapped` a blank near the end of a line becomes its end. */
void man_print_roff(struct slice text, bool wrapped);
void man_print_text(const char *text);
void man_print_option(const struct option_spec *spec);
void man_print_exit_status(void);
/* A section EXAMPLES of lines "COMMAND\tWHAT IT DOES"; nothing when it is NULL. */
void man_print_examples(const char *examples);

#endif
