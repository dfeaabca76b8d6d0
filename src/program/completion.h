/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of completion scripts, on standard output. */
#ifndef SNAP_PROGRAM_COMPLETION_H
#define SNAP_PROGRAM_COMPLETION_H

#include "program/option.h"

/* With blanks between them. */
void completion_print_words(const char *const *words);
/* Inside single quotes of bash and fish. */
void completion_print_quoted(const char *text);
/* Inside a description of zsh, in single quotes. */
void completion_print_zsh_text(const char *text);
/* One argument of zsh's _arguments. */
void completion_print_zsh_option(const struct option_spec *spec);
/* One `complete` of fish; `condition` (may be NULL) is when it is offered. */
void completion_print_fish_option(const char *program, const char *condition, const struct option_spec *spec);

/* The whole script for a program without verbs, in "bash", "zsh" or "fish". ERROR_USAGE. */
int completion_print(const char *shell, const char *program, const struct option_table *table,
                     struct error *err);

#endif
