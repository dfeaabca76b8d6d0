/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/process.h"

#include <errno.h>
#include "criu/errors.h"

struct tree_entry {
        uint32_t pid;
        size_t index;
};

static int tree_entry_compare(const void *a, const void *b)
{
        const struct tree_entry *x = a, *y = b;

        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Sorted by pid, for look-ups; a pid that is there twice is an error. */
static int tree_sort(const struct criu_tree *tree, struct tree_entry *entries, struct error *err)
{
        for (size_t i = 0; i < tree->count; i++)
                entries[i] = (struct tree_entry){tree->items[i]->pid, i};
        qsort(entries, tree->count, sizeof(*entries), tree_entry_compare);
        for (size_t i = 1; i < tree->count; i++)
                if (entries[i].pid == entries[i - 1].pid)
                        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                         "pstree.img: process %u is there twice", entries[i].pid);
        return 0;
}

static int tree_check(const struct criu_tree *tree, struct error *err)
{
        _cleanup_free_ struct tree_entry *entries = calloc(tree->count, sizeof(*entries));
        int r;

        if (!entries)
                return error_oom(err);
        r = tree_sort(tree, entries, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < tree->count; i++) {
                const Criu__TreeItem *item = tree->items[i];
                struct tree_entry key = {.pid = item->ppid};
                const struct tree_entry *parent;

                if (item->pid == 0 || item->pid > INT32_MAX)
                        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "pstree.img: %u is no process id",
                                         item->pid);
                if (i == 0 && item->ppid == 0)
                        continue;
                parent = bsearch(&key, entries, tree->count, sizeof(*entries), tree_entry_compare);
                if (!parent || parent->index >= i)
                        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                         "pstree.img: process %u stands there without its parent %u",
                                         item->pid, item->ppid);
        }
        return 0;
}

int criu_tree_load(const struct criu_source *source, struct criu_arena *arena, struct criu_tree *out,
                   struct error *err)
{
        struct criu_messages items = {0};
        int r = criu_records_read_all(source, "pstree.img", "PSTREE", false, &criu__tree_item__descriptor,
                                      arena, &items, err);

        if (r < 0)
                return r;
        if (items.count == 0)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "pstree.img: it holds no process");
        *out = (struct criu_tree){(Criu__TreeItem **)items.items, items.count};
        return tree_check(out, err);
}

/* Reads the only record of "STEM-PID.img". */
static int process_record(const struct criu_source *source, const char *stem, uint32_t pid, const char *kind,
                          const ProtobufCMessageDescriptor *type, struct criu_arena *arena, void *out,
                          struct error *err)
{
        char name[64];

        snprintf(name, sizeof(name), "%s-%u.img", stem, pid);
        return criu_record_read(source, name, kind, type, arena, out, err);
}

int criu_core_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena, Criu__Core **out,
                   struct error *err)
{
        int r = process_record(source, "core", pid, "CORE", &criu__core__descriptor, arena, out, err);

        if (r == 0 && !(*out)->task)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "core-%u.img: it says nothing about the process", pid);
        return r;
}

bool criu_core_is_dead(const Criu__Core *core)
{
        return core->task->state == CRIU_TASK_DEAD || core->task->state == CRIU_TASK_ZOMBIE;
}

int criu_memory_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                     Criu__Memory **out, struct error *err)
{
        return process_record(source, "mm", pid, "MM", &criu__memory__descriptor, arena, out, err);
}

int criu_ids_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                  Criu__ObjectIds **out, struct error *err)
{
        return process_record(source, "ids", pid, "IDS", &criu__object_ids__descriptor, arena, out, err);
}

int criu_fs_load(const struct criu_source *source, uint32_t pid, struct criu_arena *arena,
                 Criu__FileSystem **out, struct error *err)
{
        return process_record(source, "fs", pid, "FS", &criu__file_system__descriptor, arena, out, err);
}
