/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include "criu/errors.h"
#include "criu/loader.h"
#include "criu/pagemap.h"
#include "criu/vma.h"

static const char *process_state_name(uint32_t state)
{
        switch (state) {
        case CRIU_TASK_ALIVE:
                return "Alive";
        case CRIU_TASK_DEAD:
                return "Dead";
        case CRIU_TASK_STOPPED:
                return "Stopped";
        case CRIU_TASK_HELPER:
                return "Helper";
        case CRIU_TASK_THREAD:
                return "Thread";
        case CRIU_TASK_ZOMBIE:
                return "Zombie";
        }
        return "Unknown";
}

/* CoreEntry.march in images/core.proto, as uname(2) names them. */
static const char *process_architecture(uint32_t machine)
{
        static const char *const names[] = {"",      "x86_64", "armv7l",      "aarch64", "ppc64le",
                                            "s390x", "mips64", "loongarch64", "riscv64"};

        return machine < ARRAY_SIZE(names) ? names[machine] : "";
}

static uint64_t process_xstate(const Criu__Core *core)
{
        const Criu__X86Floating *floating = core->x86 ? core->x86->floating : NULL;

        return floating && floating->xsave ? floating->xsave->components : 0;
}

static enum criu_mapping_kind mapping_kind(const Criu__Memory *memory, const Criu__Mapping *mapping)
{
        if (mapping->status & CRIU_VMA_KERNEL)
                return CRIU_MAPPING_KERNEL;
        if (mapping->status & (CRIU_VMA_ANON_SHARED | CRIU_VMA_SYSV))
                return CRIU_MAPPING_SHARED_MEMORY;
        if (mapping->status & CRIU_VMA_FILE_SHARED)
                return mapping->status & CRIU_VMA_MEMFD ? CRIU_MAPPING_SHARED_MEMORY
                                                        : CRIU_MAPPING_SHARED_FILE;
        if (mapping->status & CRIU_VMA_FILE_PRIVATE)
                return CRIU_MAPPING_FILE;
        if (mapping->status & CRIU_VMA_HEAP)
                return CRIU_MAPPING_HEAP;
        if (memory->stack_start >= mapping->start && memory->stack_start < mapping->end)
                return CRIU_MAPPING_STACK;
        return CRIU_MAPPING_ANONYMOUS;
}

const char *criu_mapping_name(const struct criu_mapping *mapping)
{
        if (mapping->path[0])
                return mapping->path;
        switch (mapping->kind) {
        case CRIU_MAPPING_HEAP:
                return "[heap]";
        case CRIU_MAPPING_STACK:
                return "[stack]";
        case CRIU_MAPPING_SHARED_MEMORY:
                return "[shared memory]";
        case CRIU_MAPPING_KERNEL:
                return "[kernel]";
        default:
                return "[anonymous]";
        }
}

/* System V shared memory has its contents with its namespace, unless CRIU was made to put them here. */
static bool mapping_has_pages(const struct criu_loader *loader, const Criu__Mapping *from)
{
        uint64_t size;
        char name[64];

        if (criu_vma_is_shared_memory(from))
                return true;
        snprintf(name, sizeof(name), "pagemap-shmem-%" PRIu64 ".img", from->shmid);
        return from->status & CRIU_VMA_SYSV &&
               loader->source->size(loader->source->context, name, &size, NULL) == 0;
}

static void mapping_find_shared_memory(const struct criu_loader *loader, const Criu__Mapping *from,
                                       const Criu__File *file, struct criu_mapping *to)
{
        const Criu__MemoryInode *inode = NULL;

        if (file && file->memfd && from->status & CRIU_VMA_FILE_SHARED)
                inode = criu_files_inode(&loader->files, file->memfd->inode_id);
        to->is_shared_memory = inode ? inode->size > 0 : mapping_has_pages(loader, from);
        to->shared_id = inode ? inode->shmid : from->shmid;
        to->shared_offset = from->offset;
}

static int process_load_mappings(struct criu_loader *loader, const Criu__Memory *memory,
                                 struct criu_process *out, struct error *err)
{
        out->mappings = criu_arena_array(loader->arena, memory->n_mappings, sizeof(*out->mappings));
        if (!out->mappings)
                return error_oom(err);
        for (size_t i = 0; i < memory->n_mappings; i++) {
                const Criu__Mapping *from = memory->mappings[i];
                uint32_t type = criu_vma_file_type(from);
                const Criu__File *file =
                        type ? criu_files_find(&loader->files, type, (uint32_t)from->shmid) : NULL;
                const char *path = file ? criu_file_path(loader, file) : "";

                if (!path)
                        return error_oom(err);
                out->mappings[i] = (struct criu_mapping){
                        .kind = mapping_kind(memory, from),
                        .start = from->start,
                        .end = from->end,
                        .protection = from->protection,
                        .flags = from->flags,
                        .status = from->status,
                        .file_offset = type ? from->offset : 0,
                        .path = path,
                };
                mapping_find_shared_memory(loader, from, file, &out->mappings[i]);
        }
        out->mapping_count = memory->n_mappings;
        return 0;
}

static int process_load_files(struct criu_loader *loader, uint32_t pid, const Criu__Memory *memory,
                              struct criu_process *out, struct error *err)
{
        Criu__FileSystem *fs;
        Criu__ObjectIds *ids;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "mm-%u.img", pid);
        r = criu_regular_path(loader, memory->exe_file_id, name, &out->exe, err);
        if (r == 0)
                r = criu_fs_load(loader->source, pid, &loader->scratch, &fs, err);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "fs-%u.img", pid);
        r = criu_regular_path(loader, fs->cwd_id, name, &out->cwd, err);
        if (r == 0)
                r = criu_regular_path(loader, fs->root_id, name, &out->root, err);
        if (r == 0)
                r = criu_ids_load(loader->source, pid, &loader->scratch, &ids, err);
        return r < 0 ? r : criu_load_descriptors(loader, ids, fs, out, err);
}

static int process_load_memory(struct criu_loader *loader, uint32_t pid, struct criu_process *out,
                               struct error *err)
{
        Criu__Memory *memory;
        uint32_t pages_id;
        char name[64];
        int r = criu_memory_load(loader->source, pid, &loader->scratch, &memory, err);

        if (r < 0)
                return r;
        out->argument_start = memory->argument_start;
        out->argument_end = memory->argument_end;
        out->environment_start = memory->environment_start;
        out->environment_end = memory->environment_end;
        snprintf(name, sizeof(name), "pagemap-%u.img", pid);
        r = criu_pagemap_size(loader->source, name, &pages_id, &out->memory, err);
        if (r == 0 && loader->load & CRIU_LOAD_MAPPINGS)
                r = process_load_mappings(loader, memory, out, err);
        if (r == 0 && loader->load & CRIU_LOAD_FILES)
                r = process_load_files(loader, pid, memory, out, err);
        return r;
}

int criu_load_process(struct criu_loader *loader, const Criu__TreeItem *item, struct criu_process *out,
                      struct error *err)
{
        Criu__Core *core;
        int r = criu_core_load(loader->source, item->pid, &loader->scratch, &core, err);

        if (r < 0)
                return r;
        *out = (struct criu_process){
                .pid = (pid_t)item->pid,
                .ppid = (pid_t)item->ppid,
                .pgid = (pid_t)item->pgid,
                .sid = (pid_t)item->sid,
                .command = criu_arena_text(loader->arena, SLICE_TEXT(core->task->comm)),
                .state = process_state_name(core->task->state),
                .threads = (uint32_t)item->n_threads,
                .architecture = process_architecture(core->machine),
                .xstate = process_xstate(core),
                .exe = "",
                .root = "",
                .cwd = "",
        };
        if (!out->command)
                return error_oom(err);
        if (criu_core_is_dead(core))
                return 0;
        r = process_load_memory(loader, item->pid, out, err);
        return r == 0 && loader->load & CRIU_LOAD_KERNEL ? criu_load_task(loader, item, out, err) : r;
}
