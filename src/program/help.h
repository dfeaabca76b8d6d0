/* SPDX-License-Identifier: Apache-2.0 */
/* Text of --help: wrapped to a terminal, options in two columns. */
#ifndef SNAP_PROGRAM_HELP_H
#define SNAP_PROGRAM_HELP_H

#include <stdio.h>
#include "program/option.h"

/* Paragraphs, which an empty line separates, from column `indent` on; the first line is already indented. */
void help_print_text(const char *text, size_t indent, FILE *out);
void help_print_option(const struct option_spec *spec, FILE *out);

/* A line "COMMAND\tWHAT IT DOES" of `*examples`, which moves on; false at the end. Both slices are borrowed.
 */
bool help_next_example(const char **examples, struct slice *command, struct slice *meaning);
/* All of them under a heading; nothing when it is NULL. */
void help_print_examples(const char *examples, FILE *out);

#endif
