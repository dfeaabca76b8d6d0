/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns that secret.c looks for, what is known best first. A new one is a line in secret_table.c and a
 * test. */
#ifndef SNAP_ARCHIVE_SECRET_TABLE_H
#define SNAP_ARCHIVE_SECRET_TABLE_H

#include "archive/secret.h"

struct secret_pattern {
        const char *kind;
        const char *mark; /* at least SECRET_MARK_MIN bytes */
        /* Looks at the text around the mark, which begins at `at`. True: `out` has kind, start and size. */
        bool (*match)(const struct secret_pattern *pattern, struct slice text, size_t at, struct secret *out);
        unsigned characters; /* of a token behind its mark, see secret_table.c */
        unsigned min, max;   /* of the token or value, without the mark */
};

#define SECRET_MARK_MIN 3

extern const struct secret_pattern secret_patterns[];
extern const size_t secret_pattern_count;

#endif
