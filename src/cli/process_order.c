/* SPDX-License-Identifier: Apache-2.0 */
#include "program/memory.h"
#include "cli/process_order.h"

/* Sorted by parent, then PID: the children of a process stand together. */
static int compare(const void *a, const void *b)
{
        const struct criu_process *p = *(struct criu_process *const *)a,
                                  *q = *(struct criu_process *const *)b;

        if (p->ppid != q->ppid)
                return p->ppid < q->ppid ? -1 : 1;
        return (p->pid > q->pid) - (p->pid < q->pid);
}

static int compare_pid(const void *a, const void *b)
{
        pid_t p = *(const pid_t *)a, q = *(const pid_t *)b;

        return (p > q) - (p < q);
}

/* Index of the first process whose parent is `ppid`, or `count`. */
static size_t first_child(const struct criu_process **sorted, size_t count, pid_t ppid)
{
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (sorted[middle]->ppid < ppid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < count && sorted[low]->ppid == ppid ? low : count;
}

struct walk {
        const struct criu_process **sorted;
        size_t count;
        bool *seen; /* a damaged image may make somebody their own ancestor */
        struct process_place *stack, *places;
        size_t stacked, placed;
};

static void push(struct walk *walk, size_t index, unsigned depth)
{
        if (walk->seen[index])
                return;
        walk->seen[index] = true;
        walk->stack[walk->stacked++] = (struct process_place){walk->sorted[index], depth};
}

/* Pre-order; children are pushed last first, so that the first comes off first. */
static void descend(struct walk *walk)
{
        while (walk->stacked) {
                struct process_place place = walk->stack[--walk->stacked];
                size_t first = first_child(walk->sorted, walk->count, place.process->pid), end = first;

                walk->places[walk->placed++] = place;
                while (end < walk->count && walk->sorted[end]->ppid == place.process->pid)
                        end++;
                while (end-- > first)
                        push(walk, end, place.depth + 1);
        }
}

/* A root is who was asked for; else every process whose parent is not in the dump. */
static bool is_root(const struct walk *walk, const pid_t *pids, size_t index, pid_t root)
{
        const struct criu_process *process = walk->sorted[index];

        if (root)
                return process->pid == root;
        return !bsearch(&process->ppid, pids, walk->count, sizeof(*pids), compare_pid);
}

size_t process_order(const struct criu_dump *dump, pid_t root, struct process_place **out)
{
        size_t count = dump->process_count;
        _cleanup_free_ const struct criu_process **sorted =
                memory_grow(NULL, count, sizeof(struct criu_process *));
        _cleanup_free_ pid_t *pids = memory_grow(NULL, count, sizeof(*pids));
        _cleanup_free_ bool *seen = memory_grow(NULL, count, sizeof(*seen));
        _cleanup_free_ struct process_place *stack = memory_grow(NULL, count, sizeof(*stack));
        struct walk walk = {.sorted = sorted,
                            .count = count,
                            .seen = seen,
                            .stack = stack,
                            .places = memory_grow(NULL, count, sizeof(*walk.places))};

        for (size_t i = 0; i < count; i++) {
                sorted[i] = &dump->processes[i];
                pids[i] = dump->processes[i].pid;
                seen[i] = false;
        }
        qsort(sorted, count, sizeof(*sorted), compare);
        qsort(pids, count, sizeof(*pids), compare_pid);
        for (size_t i = 0; i < count; i++) {
                if (!is_root(&walk, pids, i, root))
                        continue;
                push(&walk, i, 0);
                descend(&walk);
        }
        *out = walk.places;
        return walk.placed;
}
