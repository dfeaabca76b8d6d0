/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the checks of preflight and doctor. */
#ifndef SNAP_CLI_CHECK_TABLE_H
#define SNAP_CLI_CHECK_TABLE_H

#include "cli/verb.h"
#include "runtime/preflight.h"

/* A table, or with --json {"subject","status","checks":[…]}. Returns the exit status: EXIT_PREFLIGHT when a
 * check has failed; negative when it could not be printed. */
int check_table_print(const struct check_list *list, const char *subject, const struct cli *cli,
                      struct error *err);

#endif
