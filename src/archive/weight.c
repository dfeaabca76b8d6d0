/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/weight.h"

#include <errno.h>
#include "criu/pagemap.h"

struct words {
        const char *name, *key;
};

static const struct words part_words[] = {
        [WEIGHT_MEMORY] = {"memory", "memory"},
        [WEIGHT_ROOTFS] = {"root file system", "rootfs"},
        [WEIGHT_VOLUMES] = {"volumes", "volumes"},
        [WEIGHT_TMPFS] = {"file systems in memory", "tmpfs"},
        [WEIGHT_DELETED] = {"deleted files", "deleted"},
        [WEIGHT_IMAGES] = {"state of the processes", "images"},
        [WEIGHT_LOGS] = {"logs", "logs"},
        [WEIGHT_OTHER] = {"other", "other"},
};

const char *weight_part_name(enum weight_part part)
{
        return part_words[part].name;
}

const char *weight_part_key(enum weight_part part)
{
        return part_words[part].key;
}

static const struct words *mapping_words(const struct weight_mapping *mapping)
{
        static const struct words unmapped = {"pages without a mapping", "unmapped"};
        static const struct words words[] = {
                [CRIU_MAPPING_ANONYMOUS] = {"anonymous memory", "anonymous"},
                [CRIU_MAPPING_HEAP] = {"heap", "heap"},
                [CRIU_MAPPING_STACK] = {"stack", "stack"},
                [CRIU_MAPPING_FILE] = {"changed pages of", "file"},
                [CRIU_MAPPING_SHARED_FILE] = {"shared pages of", "shared-file"},
                [CRIU_MAPPING_SHARED_MEMORY] = {"shared memory", "shared-memory"},
                [CRIU_MAPPING_KERNEL] = {"pages of the kernel", "kernel"},
        };

        return mapping->is_unmapped ? &unmapped : &words[mapping->kind];
}

const char *weight_mapping_name(const struct weight_mapping *mapping)
{
        return mapping_words(mapping)->name;
}

const char *weight_mapping_key(const struct weight_mapping *mapping)
{
        return mapping_words(mapping)->key;
}

static enum weight_part part_of(const char *name)
{
        static const struct {
                const char *start;
                enum weight_part part;
        } starts[] = {
                {"checkpoint/pages-", WEIGHT_MEMORY},
                {"checkpoint/amdgpu-pages-", WEIGHT_MEMORY},
                {"checkpoint/ghost-file-", WEIGHT_DELETED},
                {"checkpoint/tmpfs-", WEIGHT_TMPFS},
                {"devshm-checkpoint.tar", WEIGHT_TMPFS},
                {"rootfs-diff.tar", WEIGHT_ROOTFS},
                {"volumes/", WEIGHT_VOLUMES},
                {"io.kubernetes.cri-o.LogPath", WEIGHT_LOGS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
                if (text_starts_with(name, starts[i].start))
                        return starts[i].part;
        if (text_ends_with(name, ".log"))
                return WEIGHT_LOGS;
        return text_starts_with(name, "checkpoint/") ? WEIGHT_IMAGES : WEIGHT_OTHER;
}

/* Keeps the largest; takes over `file`. */
static int add_file(struct weight *weight, struct weight_file file)
{
        struct weight_file **files = &weight->files[file.part];
        size_t *count = &weight->file_counts[file.part], at = *count;

        if (!*files)
                *files = calloc(WEIGHT_FILES, sizeof(**files));
        if (!*files || !file.member) {
                free(file.member);
                free(file.path);
                return -ENOMEM;
        }
        while (at > 0 && (*files)[at - 1].size < file.size)
                at--;
        if (at == WEIGHT_FILES) {
                free(file.member);
                free(file.path);
                return 0;
        }
        if (*count == WEIGHT_FILES) {
                free((*files)[WEIGHT_FILES - 1].member);
                free((*files)[WEIGHT_FILES - 1].path);
        } else
                (*count)++;
        memmove(*files + at + 1, *files + at, (*count - 1 - at) * sizeof(**files));
        (*files)[at] = file;
        return 0;
}

/* Is it among the largest so far? Names of others need not be copied. */
static bool is_large(const struct weight *weight, enum weight_part part, uint64_t size)
{
        size_t count = weight->file_counts[part];

        return size && (count < WEIGHT_FILES || weight->files[part][count - 1].size < size);
}

int weight_add_entry(struct weight *weight, const struct archive_member *member,
                     const struct tar_entry *entry, struct error *err)
{
        struct weight_file file = {.part = part_of(member->name), .size = entry->size};

        if (!is_large(weight, file.part, file.size))
                return 0;
        file.member = strdup(member->name);
        file.path = strdup(entry->name);
        if (!file.path) {
                free(file.member);
                return error_oom(err);
        }
        return add_file(weight, file) < 0 ? error_oom(err) : 0;
}

/* Pages are shown by process, and what a tar holds by file. */
static int add_member(struct weight *weight, const struct archive_member *member, struct error *err)
{
        enum weight_part part = part_of(member->name);

        if (member->type != TAR_FILE)
                return 0;
        if (add_overflow(weight->parts[part], member->size, &weight->parts[part]) ||
            add_overflow(weight->total, member->size, &weight->total))
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "its members cannot be as large as they say");
        if (part == WEIGHT_MEMORY || text_ends_with(member->name, ".tar") ||
            !is_large(weight, part, member->size))
                return 0;
        return add_file(weight, (struct weight_file){part, strdup(member->name), NULL, member->size}) < 0
                       ? error_oom(err)
                       : 0;
}

static int compare_segments(const void *a, const void *b)
{
        const struct weight_mapping *p = a, *q = b;

        return (p->shared_id > q->shared_id) - (p->shared_id < q->shared_id);
}

static int compare_by_place(const void *a, const void *b)
{
        const struct weight_mapping *p = a, *q = b;

        if (p->is_unmapped != q->is_unmapped)
                return p->is_unmapped - q->is_unmapped;
        if (p->shared_id != q->shared_id)
                return compare_segments(p, q);
        return p->kind != q->kind ? (p->kind > q->kind) - (p->kind < q->kind) : strcmp(p->path, q->path);
}

static int compare_by_size(const void *a, const void *b)
{
        const struct weight_mapping *p = a, *q = b;

        return p->size != q->size ? (p->size < q->size) - (p->size > q->size) : compare_by_place(a, b);
}

/* Joins what is of one kind and file, drops what has no pages. */
static void join_mappings(struct weight_process *process)
{
        struct weight_mapping *mappings = process->mappings;
        size_t count = 0;

        qsort(mappings, process->mapping_count, sizeof(*mappings), compare_by_place);
        for (size_t i = 0; i < process->mapping_count; i++) {
                if (!mappings[i].size)
                        continue;
                if (count && compare_by_place(&mappings[count - 1], &mappings[i]) == 0)
                        mappings[count - 1].size += mappings[i].size;
                else
                        mappings[count++] = mappings[i];
        }
        process->mapping_count = count;
        qsort(mappings, count, sizeof(*mappings), compare_by_size);
}

/* Adds the pages of a region to the mappings they are in, both in the order of addresses. `at` is where the
 * region before ended. Returns the bytes that are in none. */
static uint64_t add_region(const struct criu_region *region, const struct criu_process *process,
                           struct weight_mapping *mappings, size_t *at)
{
        uint64_t next = region->start, unmapped = 0;

        while (next < region->end && *at < process->mapping_count) {
                const struct criu_mapping *mapping = &process->mappings[*at];
                uint64_t end = region->end < mapping->end ? region->end : mapping->end;

                if (next < mapping->start) {
                        uint64_t gap = (mapping->start < region->end ? mapping->start : region->end) - next;

                        unmapped += gap;
                        next += gap;
                        continue;
                }
                if (next < end) {
                        mappings[*at].size += end - next;
                        next = end;
                }
                if (next >= mapping->end)
                        (*at)++;
        }
        return unmapped + (region->end - next);
}

static int add_pagemap(struct weight *weight, const struct criu_source *source, const char *name,
                       const struct criu_process *process, struct weight_process *out, struct error *err)
{
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct weight_mapping *unmapped = &out->mappings[out->mapping_count - 1];
        struct criu_region region;
        size_t at = 0;
        int ret = criu_pagemap_open(source, name, &pagemap, err);

        while (ret >= 0 && (ret = criu_pagemap_next(&pagemap, &region, err)) > 0) {
                uint64_t size = region.end - region.start;

                if (region.flags & CRIU_REGION_PARENT)
                        weight->in_parent += size;
                if (!(region.flags & CRIU_REGION_PRESENT))
                        continue;
                out->size += size;
                unmapped->size += process ? add_region(&region, process, out->mappings, &at) : size;
        }
        return ret;
}

static int new_process(struct weight *weight, const struct criu_process *process, struct weight_process **out,
                       struct error *err)
{
        struct weight_process *added = &weight->processes[weight->process_count++];
        size_t count = process ? process->mapping_count : 0;

        *added = (struct weight_process){.process = process, .mapping_count = count + 1};
        added->mappings = calloc(count + 1, sizeof(*added->mappings));
        if (!added->mappings)
                return error_oom(err);
        for (size_t i = 0; i < count; i++)
                added->mappings[i] = (struct weight_mapping){.kind = process->mappings[i].kind,
                                                             .path = process->mappings[i].path};
        added->mappings[count] = (struct weight_mapping){.is_unmapped = true, .path = ""};
        *out = added;
        return 0;
}

static int add_process(struct weight *weight, const struct criu_source *source,
                       const struct criu_process *process, struct error *err)
{
        struct weight_process *out;
        char name[64];
        int ret;

        if (!process->memory && !process->mapping_count)
                return 0; /* dead, or nothing of it is in the dump */
        snprintf(name, sizeof(name), "pagemap-%d.img", (int)process->pid);
        ret = new_process(weight, process, &out, err);
        if (ret == 0)
                ret = add_pagemap(weight, source, name, process, out, err);
        if (ret < 0)
                return ret;
        join_mappings(out);
        return 0;
}

struct shared_pass {
        struct weight *weight;
        const struct criu_source *source;
        struct weight_process *process;
        struct error *err;
};

/* Each has a mapping of its own. */
static int add_segment(void *argument, const char *name, uint64_t size)
{
        static const char prefix[] = "pagemap-shmem-";
        struct shared_pass *pass = argument;
        struct weight_process *process = pass->process;
        struct weight_mapping *mappings;

        if (!text_starts_with(name, prefix))
                return 0;
        mappings = reallocarray(process->mappings, process->mapping_count + 1, sizeof(*mappings));
        if (!mappings)
                return error_oom(pass->err);
        process->mappings = mappings;
        mappings[process->mapping_count++] =
                (struct weight_mapping){.kind = CRIU_MAPPING_SHARED_MEMORY,
                                        .path = "",
                                        .shared_id = strtoull(name + strlen(prefix), NULL, 10)};
        return add_pagemap(pass->weight, pass->source, name, NULL, process, pass->err);
}

/* Gives the segments the names that those who map them have for them. */
static void name_segments(struct weight_process *shared, const struct criu_dump *dump)
{
        qsort(shared->mappings, shared->mapping_count, sizeof(*shared->mappings), compare_segments);
        for (size_t i = 0; i < dump->process_count; i++)
                for (size_t j = 0; j < dump->processes[i].mapping_count; j++) {
                        const struct criu_mapping *mapping = &dump->processes[i].mappings[j];
                        struct weight_mapping key = {.shared_id = mapping->shared_id}, *found = NULL;

                        if (mapping->is_shared_memory && *mapping->path)
                                found = bsearch(&key, shared->mappings, shared->mapping_count,
                                                sizeof(*shared->mappings), compare_segments);
                        if (found)
                                found->path = mapping->path;
                }
}

static int compare_processes(const void *a, const void *b)
{
        const struct weight_process *p = a, *q = b;

        if (p->size != q->size)
                return p->size < q->size ? 1 : -1;
        return (p->process ? p->process->pid : 0) - (q->process ? q->process->pid : 0);
}

static int add_processes(struct weight *weight, struct archive *archive, const struct criu_dump *dump,
                         struct error *err)
{
        const struct criu_source source = archive_criu_source(archive);
        struct shared_pass pass = {.weight = weight, .source = &source, .err = err};
        int ret = 0;

        weight->processes = calloc(dump->process_count + 1, sizeof(*weight->processes));
        if (!weight->processes)
                return error_oom(err);
        for (size_t i = 0; i < dump->process_count && ret == 0; i++)
                ret = add_process(weight, &source, &dump->processes[i], err);
        if (ret == 0)
                ret = new_process(weight, NULL, &pass.process, err);
        if (ret == 0)
                ret = source.list(source.context, add_segment, &pass, err);
        if (ret < 0)
                return ret;
        name_segments(pass.process, dump);
        join_mappings(pass.process);
        qsort(weight->processes, weight->process_count, sizeof(*weight->processes), compare_processes);
        while (weight->process_count && !weight->processes[weight->process_count - 1].size)
                free(weight->processes[--weight->process_count].mappings);
        return 0;
}

int weight_measure(struct archive *archive, const struct criu_dump *dump, struct weight *weight,
                   struct error *err)
{
        int ret = 0;

        for (size_t i = 0; i < archive_count(archive) && ret == 0; i++)
                ret = add_member(weight, archive_at(archive, i), err);
        return ret < 0 ? ret : add_processes(weight, archive, dump, err);
}

void weight_free(struct weight *weight)
{
        for (size_t i = 0; i < weight->process_count; i++)
                free(weight->processes[i].mappings);
        free(weight->processes);
        for (int part = 0; part < WEIGHT_PARTS; part++) {
                for (size_t i = 0; i < weight->file_counts[part]; i++) {
                        free(weight->files[part][i].member);
                        free(weight->files[part][i].path);
                }
                free(weight->files[part]);
        }
        *weight = (struct weight){0};
}
