/* SPDX-License-Identifier: Apache-2.0 */
/* Where long work tells how far it is. The receiver decides how to show it. */
#ifndef SNAP_BASE_PROGRESS_H
#define SNAP_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
        /* `phase` began, or moved on; `total` 0 when unknown. Called from one thread at a time. */
        void (*step)(void *context, const char *phase, uint64_t done, uint64_t total);
        /* True: stop at the next safe point (-ECANCELED). May be NULL. */
        bool (*cancelled)(void *context);
        void *context;
};

/* Both are safe with a NULL `progress`. */
static inline void progress_step(const struct progress *progress, const char *phase, uint64_t done,
                                 uint64_t total)
{
        if (progress && progress->step)
                progress->step(progress->context, phase, done, total);
}

static inline bool progress_cancelled(const struct progress *progress)
{
        return progress && progress->cancelled && progress->cancelled(progress->context);
}

#endif
