/* SPDX-License-Identifier: Apache-2.0 */
/* The process tree of a dump and the images of each process. */
#ifndef SNAP_CRIU_PROCESS_H
#define SNAP_CRIU_PROCESS_H

#include "criu/record.h"
#include "messages.pb-c.h"

/* compel/include/uapi/task-state.h */
enum criu_task_state {
        CRIU_TASK_ALIVE = 1,
        CRIU_TASK_DEAD = 2,
        CRIU_TASK_STOPPED = 3,
        CRIU_TASK_HELPER = 4,
        CRIU_TASK_THREAD = 5,
        CRIU_TASK_ZOMBIE = 6
};

struct criu_tree {
        Criu__TreeItem **items; /* a parent stands before its children */
        size_t count;
};

/* Refuses an empty tree, a process that is in it twice, and one whose parent does not stand before it. */
int criu_tree_load(const struct criu_source *source, struct criu_arena *arena, struct criu_tree *out,
                   struct error *err);

/* core-PID.img of a process (not a further thread): its task part is present. */
int criu_core_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena, Criu__Core **out,
                   struct error *err);
/* A dead process waits for its parent; it has no memory, files or ids. */
bool criu_core_is_dead(const Criu__Core *core);

int criu_memory_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                     Criu__Memory **out, struct error *err);
int criu_ids_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                  Criu__ObjectIds **out, struct error *err);
int criu_fs_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                 Criu__FileSystem **out, struct error *err);

#endif
