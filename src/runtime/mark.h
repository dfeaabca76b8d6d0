/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file beside the lock, made before there is anything to be undone and removed when the container runs
 * again. Should everything of ours be killed at once, guardian included, the mark with a free lock says what
 * is to be thawed and removed.
 */
#ifndef SNAP_RUNTIME_MARK_H
#define SNAP_RUNTIME_MARK_H

#include <stdbool.h>
#include "base/error.h"

struct mark {
        const char *cgroup;          /* directory; "": it runs again already */
        bool keep_frozen;            /* it was frozen before: nothing to thaw */
        const char *temporary;       /* unfinished archive; "": none yet */
        const char *work_directory;  /* "": none yet */
        const char *const *parts;    /* the same as of a guard_plan */
        const char *parts_directory; /* NULL: none */
        const char *container; /* id of one that an engine was asked to dump (CRI), and sets free; NULL */
};

/* Writes the mark of the container `key` (lock_key). `path` (owned by the caller) is where it lies. */
char *mark_path(const char *key);
int mark_write(const char *path, const struct mark *mark, struct error *err);
/* Undoes what the mark `path` describes and removes it; absent is fine. The lock must be held. */
int mark_undo(const char *path, struct error *err);

#endif
