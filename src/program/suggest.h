/* SPDX-License-Identifier: Apache-2.0 */
/* The known word nearest to one that was mistyped. */
#ifndef SNAP_PROGRAM_SUGGEST_H
#define SNAP_PROGRAM_SUGGEST_H

#include <stddef.h>

struct suggestion {
        const char *word; /* what was typed, not terminated */
        size_t length;
        const char *best; /* nearest so far; NULL: none is near enough. Borrowed */
        size_t distance;  /* of `best` */
};

/* Takes `candidate` when it is nearer than the best so far and at most a third of its letters differ. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

#endif
