/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include "criu/checker.h"
#include "criu/errors.h"
#include "criu/pagemap.h"
#include "criu/vma.h"

static int pages_add(struct checker *checker, uint32_t id, uint64_t size, const char *pagemap)
{
        struct checker_pages *pages = criu_arena_alloc(&checker->arena, sizeof(*pages));

        if (!pages || criu_messages_add(&checker->pages, &checker->arena, pages) < 0)
                return error_oom(checker->err);
        pages->id = id;
        pages->size = size;
        snprintf(pages->pagemap, sizeof(pages->pagemap), "%s", pagemap);
        return 0;
}

/* Address order lets one pass over the mappings serve all regions: `*at` stays where the last one ended. */
static bool region_is_mapped(const Criu__Memory *memory, size_t *at, const struct criu_region *region)
{
        uint64_t address = region->start;

        while (address < region->end) {
                const Criu__Mapping *mapping;

                if (*at == memory->n_mappings)
                        return false;
                mapping = memory->mappings[*at];
                if (mapping->status & CRIU_VMA_GUARD || mapping->end <= address) {
                        (*at)++;
                        continue;
                }
                if (mapping->start > address)
                        return false;
                address = mapping->end;
        }
        return true;
}

int checker_check_pagemap(struct checker *checker, const char *name, const Criu__Memory *memory)
{
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct error error = {0};
        struct criu_region region;
        uint64_t size = 0;
        size_t at = 0;
        int r = criu_pagemap_open(checker->source, name, &pagemap, &error);

        while (r >= 0 && (r = criu_pagemap_next(&pagemap, &region, &error)) > 0) {
                if (region.flags & CRIU_REGION_PRESENT)
                        size += region.end - region.start;
                if (memory && !region_is_mapped(memory, &at, &region)) {
                        checker_fault(checker, name,
                                      "pages at 0x%" PRIx64 " are in no mapping of the process",
                                      region.start);
                        memory = NULL;
                }
        }
        return r < 0 ? checker_failed(checker, name, r, &error)
                     : pages_add(checker, pagemap.pages_id, size, name);
}

/* System V shared memory, which need not be mapped by anybody. */
static int shared_memory_sysv(struct checker *checker, const char *name)
{
        struct criu_messages segments = {0};
        struct error error = {0};
        int r = criu_records_read_all(checker->source, name, "IPCNS_SHM", false,
                                      &criu__ipc_shared_memory__descriptor, &checker->arena, &segments,
                                      &error);

        if (r < 0)
                return checker_failed(checker, name, r, &error);
        for (size_t i = 0; r >= 0 && i < segments.count; i++) {
                const Criu__IpcSharedMemory *segment = segments.items[i];

                if (segment->in_pagemaps)
                        r = checker_number_add(checker, &checker->shared, segment->object->id);
        }
        return r < 0 ? r : 0;
}

struct shared_listing {
        struct criu_arena *arena;
        struct criu_messages names;
};

static int shared_memory_list(void *argument, const char *name, uint64_t size)
{
        struct shared_listing *listing = argument;

        if (!text_starts_with(name, "ipcns-shm-"))
                return 0;
        name = criu_arena_text(listing->arena, SLICE_TEXT(name));
        return name ? criu_messages_add(&listing->names, listing->arena, (void *)(uintptr_t)name) : -ENOMEM;
}

int checker_check_shared_memory(struct checker *checker)
{
        struct shared_listing listing = {.arena = &checker->arena};
        int r = checker->source->list(checker->source->context, shared_memory_list, &listing, checker->err);

        if (r == -ENOMEM)
                return error_oom(checker->err);
        for (size_t i = 0; r == 0 && i < listing.names.count; i++)
                r = shared_memory_sysv(checker, listing.names.items[i]);
        for (size_t i = 0; r >= 0 && i < checker->files.inode_count; i++)
                if (checker->files.inodes[i]->size > 0)
                        r = checker_number_add(checker, &checker->shared, checker->files.inodes[i]->shmid);
        for (size_t i = 0; r >= 0 && i < checker->shared.capacity; i++) {
                char name[64];

                if (!checker->shared.used[i])
                        continue;
                snprintf(name, sizeof(name), "pagemap-shmem-%" PRIu64 ".img", checker->shared.items[i]);
                r = checker_check_pagemap(checker, name, NULL);
        }
        return r < 0 ? r : 0;
}

static int pages_compare(const void *a, const void *b)
{
        const struct checker_pages *x = *(void *const *)a, *y = *(void *const *)b;

        return x->id < y->id ? -1 : x->id > y->id;
}

static int pages_check(struct checker *checker, const struct checker_pages *pages, uint64_t expected)
{
        struct error error = {0};
        uint64_t size = 0;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "pages-%u.img", pages->id);
        r = checker->source->size(checker->source->context, name, &size, &error);
        if (r < 0 && r != -ENOENT)
                return checker_failed(checker, name, r, &error);
        /* CRIU does not create the file when there are no pages. */
        if (r == -ENOENT && expected > 0)
                checker_fault(checker, name, "there is no such file, and %s says it holds %" PRIu64 " bytes",
                              pages->pagemap, expected);
        else if (r == 0 && size != expected)
                checker_fault(checker, name, "it has %" PRIu64 " bytes, and %s says it holds %" PRIu64, size,
                              pages->pagemap, expected);
        return 0;
}

int checker_check_pages(struct checker *checker)
{
        const struct criu_messages *all = &checker->pages;
        uint64_t expected = 0;

        if (all->count)
                qsort(all->items, all->count, sizeof(*all->items), pages_compare);
        for (size_t i = 0; i < all->count; i++) {
                const struct checker_pages *pages = all->items[i];
                int r;

                if (add_overflow(expected, pages->size, &expected))
                        expected = UINT64_MAX;
                if (i + 1 < all->count && ((const struct checker_pages *)all->items[i + 1])->id == pages->id)
                        continue;
                r = pages_check(checker, pages, expected);
                if (r < 0)
                        return r;
                expected = 0;
        }
        return 0;
}
