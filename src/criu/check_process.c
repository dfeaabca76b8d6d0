/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/checker.h"
#include "criu/errors.h"
#include "criu/vma.h"

static int check_threads(struct checker *checker, const Criu__TreeItem *item)
{
        for (size_t i = 0; i < item->n_threads; i++) {
                struct error error = {0};
                Criu__Core *core;
                char name[64];
                int r;

                if (item->threads[i] == item->pid)
                        continue;
                snprintf(name, sizeof(name), "core-%u.img", item->threads[i]);
                r = criu_record_read(checker->source, name, "CORE", &criu__core__descriptor,
                                     &checker->scratch, &core, &error);
                if (r < 0)
                        r = checker_failed(checker, name, r, &error);
                else if (!core->thread)
                        checker_fault(checker, name, "it says nothing about the thread");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The image of a namespace, "STEM-ID.img"; ids are of all kinds together, and one is looked for once. */
static int check_namespace(struct checker *checker, const char *stem, uint32_t id, uint32_t pid)
{
        struct error error = {0};
        uint64_t size;
        char name[64];
        int r = checker_number_add(checker, &checker->namespaces, id);

        if (r <= 0)
                return r;
        snprintf(name, sizeof(name), "%s-%u.img", stem, id);
        r = checker->source->size(checker->source->context, name, &size, &error);
        if (r != -ENOENT)
                return r < 0 ? checker_failed(checker, name, r, &error) : 0;
        checker_fault(checker, name, "there is no such file, and process %u lives in that namespace", pid);
        return 0;
}

/* Namespaces that CRIU itself was in are the host's and not in the dump. */
static int check_namespaces(struct checker *checker, uint32_t pid, const Criu__ObjectIds *ids)
{
        const Criu__ObjectIds *host = checker->inventory ? checker->inventory->root_ids : NULL;
        int r = 0;

        if (!host || !checker->inventory->namespaces_by_id)
                return 0;
        if (ids->has_mnt && ids->mnt != host->mnt)
                r = check_namespace(checker, "mountpoints", ids->mnt, pid);
        if (r == 0 && ids->has_uts && ids->uts != host->uts)
                r = check_namespace(checker, "utsns", ids->uts, pid);
        if (r == 0 && ids->has_ipc && ids->ipc != host->ipc)
                r = check_namespace(checker, "ipcns-var", ids->ipc, pid);
        return r;
}

/* Mappings in order, and what stands behind each. */
static int check_mappings(struct checker *checker, const char *name, const Criu__Memory *memory)
{
        uint64_t last = 0;

        for (size_t i = 0; i < memory->n_mappings; i++) {
                const Criu__Mapping *mapping = memory->mappings[i];
                uint32_t type = criu_vma_file_type(mapping);

                if (mapping->status & CRIU_VMA_GUARD)
                        continue;
                if (mapping->start >= mapping->end || mapping->start < last) {
                        checker_fault(checker, name,
                                      "the mapping at 0x%llx is empty, overlaps or is out of order",
                                      (unsigned long long)mapping->start);
                        return 0;
                }
                last = mapping->end;
                if (type)
                        checker_refer(checker, name, "a mapping", type, (uint32_t)mapping->shmid);
                if (criu_vma_is_shared_memory(mapping)) {
                        int r = checker_number_add(checker, &checker->shared, mapping->shmid);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int check_memory(struct checker *checker, uint32_t pid)
{
        char name[64], pagemap[64];
        struct error error = {0};
        Criu__Memory *memory;
        int r = criu_memory_load(checker->source, pid, &checker->scratch, &memory, &error);

        snprintf(name, sizeof(name), "mm-%u.img", pid);
        snprintf(pagemap, sizeof(pagemap), "pagemap-%u.img", pid);
        if (r < 0) {
                r = checker_failed(checker, name, r, &error);
                return r < 0 ? r : checker_check_pagemap(checker, pagemap, NULL);
        }
        checker_refer(checker, name, "the program", CRIU_FILE_REGULAR, memory->exe_file_id);
        r = check_mappings(checker, name, memory);
        return r < 0 ? r : checker_check_pagemap(checker, pagemap, memory);
}

static int check_fs(struct checker *checker, uint32_t pid)
{
        struct error error = {0};
        Criu__FileSystem *fs;
        char name[64];
        int r = criu_fs_load(checker->source, pid, &checker->scratch, &fs, &error);

        snprintf(name, sizeof(name), "fs-%u.img", pid);
        if (r < 0)
                return checker_failed(checker, name, r, &error);
        checker_refer(checker, name, "the current directory", CRIU_FILE_REGULAR, fs->cwd_id);
        checker_refer(checker, name, "the root", CRIU_FILE_REGULAR, fs->root_id);
        return 0;
}

static int check_ids(struct checker *checker, uint32_t pid)
{
        struct error error = {0};
        Criu__ObjectIds *ids;
        char name[64];
        int r = criu_ids_load(checker->source, pid, &checker->scratch, &ids, &error);

        snprintf(name, sizeof(name), "ids-%u.img", pid);
        if (r < 0)
                return checker_failed(checker, name, r, &error);
        r = check_namespaces(checker, pid, ids);
        return r < 0 ? r : checker_check_descriptors(checker, ids->files);
}

static int check_process(struct checker *checker, const Criu__TreeItem *item)
{
        struct error error = {0};
        Criu__Core *core;
        char name[64];
        int r = criu_core_load(checker->source, item->pid, &checker->scratch, &core, &error);

        snprintf(name, sizeof(name), "core-%u.img", item->pid);
        if (r < 0)
                return checker_failed(checker, name, r, &error);
        if (criu_core_is_dead(core))
                return 0;
        r = check_threads(checker, item);
        if (r == 0)
                r = check_ids(checker, item->pid);
        if (r == 0)
                r = check_fs(checker, item->pid);
        if (r == 0)
                r = check_memory(checker, item->pid);
        return r;
}

int checker_check_processes(struct checker *checker)
{
        struct error error = {0};
        struct criu_tree tree;
        int r = criu_tree_load(checker->source, &checker->arena, &tree, &error);

        if (r < 0)
                return checker_failed(checker, "pstree.img", r, &error);
        for (size_t i = 0; r == 0 && i < tree.count; i++) {
                r = check_process(checker, tree.items[i]);
                criu_arena_free(&checker->scratch);
        }
        return r;
}
