/* SPDX-License-Identifier: Apache-2.0 */
/* --help of the program and of each verb. */
#ifndef SNAP_CLI_HELP_H
#define SNAP_CLI_HELP_H

#include "cli/verb.h"

#define PROGRAM_NAME "checkpointctl"

extern const char program_summary[];

void help_print_program(FILE *out);
void help_print_verb(const struct verb *verb, FILE *out);

#endif
