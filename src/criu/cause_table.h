/* SPDX-License-Identifier: Apache-2.0 */
/* The known causes of CRIU failures; only cause.c reads them. */
#ifndef SNAP_CRIU_CAUSE_TABLE_H
#define SNAP_CRIU_CAUSE_TABLE_H

#include "criu/cause.h"

#define CAUSE_DUMP    (1 << CRIU_ACTION_DUMP)
#define CAUSE_RESTORE (1 << CRIU_ACTION_RESTORE)

struct criu_cause {
        struct error_kind kind;
        unsigned actions;         /* CAUSE_* in which it can appear */
        const char *patterns[10]; /* any of them, NULL-terminated; found anywhere in a line, '*' skips text */
};

/* NULL-terminated, from the particular to the general: the first one that matches a line is the cause. */
extern const struct criu_cause *const criu_causes[];

#endif
