/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of checkpointctl for a query; apart from the rest so that it can be tested. */
#ifndef SNAP_SIDECAR_INSPECTION_H
#define SNAP_SIDECAR_INSPECTION_H

#include "base/error.h"

#define ARGUMENTS_MOST 24

/* Ended by NULL, owned. Zero-initialise. */
struct arguments {
        char *items[ARGUMENTS_MOST + 1];
        size_t count;
};
void arguments_free(struct arguments *arguments);

/* A field of the query; NULL when absent. */
typedef const char *(*query_function)(void *context, const char *name);
/* ERROR_HTTP_PATH for a verb that does not read, or is unknown; ERROR_BAD_INPUT. Fields that the verb does
 * not know are left alone. */
int inspection_arguments(const char *verb, query_function query, void *context, struct arguments *out,
                         struct error *err);

#endif
