/* SPDX-License-Identifier: Apache-2.0 */
/* All kinds of errors that there are. */
#ifndef SNAP_CLI_ERROR_KINDS_H
#define SNAP_CLI_ERROR_KINDS_H

#include "base/error.h"

/* The kinds of each layer; both lists are NULL-terminated. */
extern const struct error_kind *const *const error_layers[];
/* NULL: none has this code. */
const struct error_kind *error_kind_find(const char *code);

#endif
