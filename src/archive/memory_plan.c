/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_plan.h"

#include <errno.h>
#include <inttypes.h>

/* A mapping of shared memory, while the views of all are put in order. */
struct shared_view {
        uint64_t id;
        struct memory_view view;
};

struct shared_views {
        struct shared_view *items;
        size_t count, capacity;
};

static int add_segment(struct memory_plan *plan, const struct memory_segment *segment, struct error *err)
{
        if (plan->count == plan->capacity) {
                size_t capacity = plan->capacity ? plan->capacity * 2 : 16;
                struct memory_segment *grown =
                        reallocarray(plan->segments, capacity, sizeof(*plan->segments));

                if (!grown)
                        return error_oom(err);
                plan->segments = grown;
                plan->capacity = capacity;
        }
        plan->segments[plan->count++] = *segment;
        plan->size += segment->size;
        return 0;
}

/* Sizes of what the page map lists. */
static int measure(const struct criu_source *source, struct memory_segment *segment, uint64_t *absent,
                   struct error *err)
{
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_region region;
        int ret = criu_pagemap_open(source, segment->pagemap, &pagemap, err);

        if (ret < 0)
                return ret;
        segment->pages_id = pagemap.pages_id;
        while ((ret = criu_pagemap_next(&pagemap, &region, err)) > 0) {
                if (region.flags & CRIU_REGION_PRESENT)
                        segment->size += region.end - region.start;
                else if (region.flags & CRIU_REGION_PARENT)
                        *absent += region.end - region.start;
        }
        return ret;
}

/* The member that has its pages. */
static int find_pages(const struct archive *archive, struct memory_segment *segment, struct error *err)
{
        char name[64];

        snprintf(name, sizeof(name), "checkpoint/pages-%" PRIu32 ".img", segment->pages_id);
        segment->pages = archive_find(archive, name);
        if (!segment->pages)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no `%s`",
                                 archive_path(archive), name);
        if (segment->pages->size < segment->size)
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "`%s`: `%s` has %" PRIu64 " bytes, and `%s` lists %" PRIu64,
                                 archive_path(archive), name, segment->pages->size, segment->pagemap,
                                 segment->size);
        return 0;
}

/* Takes over nothing: the views are copied. */
static int add(struct memory_plan *plan, const struct criu_source *source, struct memory_segment *segment,
               const struct memory_view *views, size_t count, struct error *err)
{
        int ret = measure(source, segment, &plan->absent, err);

        if (ret < 0 || segment->size == 0)
                return ret;
        segment->views = reallocarray(NULL, count, sizeof(*views));
        if (!segment->views)
                return error_oom(err);
        memcpy(segment->views, views, count * sizeof(*views));
        segment->count = count;
        ret = add_segment(plan, segment, err);
        if (ret < 0)
                free(segment->views);
        return ret;
}

static int add_private(struct memory_plan *plan, const struct criu_source *source,
                       const struct criu_process *process, struct error *err)
{
        const struct memory_view all = {.process = process, .end = UINT64_MAX};
        struct memory_segment segment = {0};

        snprintf(segment.pagemap, sizeof(segment.pagemap), "pagemap-%d.img", (int)process->pid);
        return add(plan, source, &segment, &all, 1, err);
}

static int collect_shared(struct shared_views *shared, const struct criu_process *process, struct error *err)
{
        for (size_t i = 0; i < process->mapping_count; i++) {
                const struct criu_mapping *mapping = &process->mappings[i];
                uint64_t end;

                if (!mapping->is_shared_memory || mapping->end <= mapping->start ||
                    add_overflow(mapping->shared_offset, mapping->end - mapping->start, &end))
                        continue;
                if (shared->count == shared->capacity) {
                        size_t capacity = shared->capacity ? shared->capacity * 2 : 16;
                        struct shared_view *grown =
                                reallocarray(shared->items, capacity, sizeof(*shared->items));

                        if (!grown)
                                return error_oom(err);
                        shared->items = grown;
                        shared->capacity = capacity;
                }
                shared->items[shared->count++] = (struct shared_view){
                        .id = mapping->shared_id,
                        .view = {process, mapping->shared_offset, end, mapping->start},
                };
        }
        return 0;
}

static int compare_shared(const void *a, const void *b)
{
        const struct shared_view *x = a, *y = b;

        if (x->id != y->id)
                return x->id < y->id ? -1 : 1;
        if (x->view.start != y->view.start)
                return x->view.start < y->view.start ? -1 : 1;
        if (x->view.process->pid != y->view.process->pid)
                return x->view.process->pid < y->view.process->pid ? -1 : 1;
        return (x->view.address > y->view.address) - (x->view.address < y->view.address);
}

/* Cuts off what views before it show already. Returns how many are left of `count`. */
static size_t cut_overlaps(const struct shared_view *from, size_t count, struct memory_view *to)
{
        uint64_t covered = 0;
        size_t kept = 0;

        for (size_t i = 0; i < count; i++) {
                struct memory_view view = from[i].view;

                if (view.end <= covered)
                        continue;
                if (view.start < covered) {
                        view.address += covered - view.start;
                        view.start = covered;
                }
                covered = view.end;
                to[kept++] = view;
        }
        return kept;
}

static int add_shared(struct memory_plan *plan, const struct criu_source *source,
                      const struct shared_view *shared, size_t count, struct error *err)
{
        _cleanup_free_ struct memory_view *views = reallocarray(NULL, count, sizeof(*views));
        struct memory_segment segment = {0};

        if (!views)
                return error_oom(err);
        snprintf(segment.pagemap, sizeof(segment.pagemap), "pagemap-shmem-%" PRIu64 ".img", shared->id);
        count = cut_overlaps(shared, count, views);
        return add(plan, source, &segment, views, count, err);
}

static int compare_segments(const void *a, const void *b)
{
        const struct memory_segment *x = a, *y = b;

        if (x->pages->offset != y->pages->offset)
                return x->pages->offset < y->pages->offset ? -1 : 1;
        return x->pages < y->pages ? -1 : x->pages > y->pages;
}

static int plan_fill(struct memory_plan *plan, struct archive *archive, const struct criu_dump *dump,
                     pid_t pid, struct shared_views *shared, struct error *err)
{
        struct criu_source source = archive_criu_source(archive);
        int ret = 0;

        for (size_t i = 0; ret == 0 && i < dump->process_count; i++) {
                const struct criu_process *process = &dump->processes[i];

                if ((pid && process->pid != pid) || process->mapping_count == 0)
                        continue; /* those that are dead have no mappings */
                ret = add_private(plan, &source, process, err);
                if (ret == 0)
                        ret = collect_shared(shared, process, err);
        }
        if (ret < 0 || shared->count == 0)
                return ret;
        qsort(shared->items, shared->count, sizeof(*shared->items), compare_shared);
        for (size_t i = 0, next; ret == 0 && i < shared->count; i = next) {
                for (next = i + 1; next < shared->count && shared->items[next].id == shared->items[i].id;)
                        next++;
                ret = add_shared(plan, &source, &shared->items[i], next - i, err);
        }
        return ret;
}

/* All but where the pages are. */
static int plan_new(struct archive *archive, const struct criu_dump *dump, pid_t pid, struct memory_plan *out,
                    struct error *err)
{
        struct shared_views shared = {0};
        int ret;

        *out = (struct memory_plan){0};
        ret = plan_fill(out, archive, dump, pid, &shared, err);
        free(shared.items);
        return ret;
}

int memory_plan_make(struct archive *archive, const struct criu_dump *dump, pid_t pid,
                     struct memory_plan *out, struct error *err)
{
        int ret = plan_new(archive, dump, pid, out, err);

        for (size_t i = 0; ret == 0 && i < out->count; i++)
                ret = find_pages(archive, &out->segments[i], err);
        if (ret < 0)
                memory_plan_free(out);
        else if (out->count)
                qsort(out->segments, out->count, sizeof(*out->segments), compare_segments);
        return ret;
}

static int compare_ids(const void *a, const void *b)
{
        const struct memory_segment *x = a, *y = b;

        return (x->pages_id > y->pages_id) - (x->pages_id < y->pages_id);
}

int memory_plan_guess(struct archive *archive, const struct criu_dump *dump, pid_t pid,
                      struct memory_plan *out, struct error *err)
{
        int ret = plan_new(archive, dump, pid, out, err);

        if (ret == 0 && out->count)
                qsort(out->segments, out->count, sizeof(*out->segments), compare_ids);
        for (size_t i = 1; ret == 0 && i < out->count; i++)
                if (out->segments[i].pages_id == out->segments[i - 1].pages_id)
                        ret = error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                        "`%s`: two page maps say that `pages-%" PRIu32 ".img` is theirs",
                                        archive_path(archive), out->segments[i].pages_id);
        if (ret < 0)
                memory_plan_free(out);
        return ret;
}

static int hash_segment(const struct memory_segment *segment, struct sha256_stream *sha256)
{
        const uint64_t head[] = {segment->pages_id, segment->size, segment->count};
        int ret = sha256_update(sha256, head, sizeof(head));

        if (ret == 0)
                ret = sha256_update(sha256, segment->pagemap, strlen(segment->pagemap));
        for (size_t i = 0; ret == 0 && i < segment->count; i++) {
                const struct memory_view *view = &segment->views[i];
                const uint64_t numbers[] = {(uint64_t)view->process->pid, view->start, view->end,
                                            view->address};

                ret = sha256_update(sha256, numbers, sizeof(numbers));
        }
        return ret;
}

int memory_plan_digest(const struct memory_plan *plan, struct sha256 *out, struct error *err)
{
        _cleanup_free_ struct memory_segment *segments = calloc(plan->count + 1, sizeof(*segments));
        _cleanup_sha256_ struct sha256_stream *sha256 = NULL;
        int ret = segments ? sha256_new(&sha256, err) : error_oom(err);

        if (ret < 0)
                return ret;
        if (plan->count) {
                memcpy(segments, plan->segments, plan->count * sizeof(*segments));
                qsort(segments, plan->count, sizeof(*segments), compare_ids);
        }
        for (size_t i = 0; ret == 0 && i < plan->count; i++)
                ret = hash_segment(&segments[i], sha256);
        if (ret == 0)
                ret = sha256_finish(sha256, out);
        return ret < 0 ? error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed") : 0;
}

void memory_plan_free(struct memory_plan *plan)
{
        for (size_t i = 0; i < plan->count; i++)
                free(plan->segments[i].views);
        free(plan->segments);
        *plan = (struct memory_plan){0};
}

/* 1: `walk->region` is one with bytes; 0: the page map has ended. */
static int next_region(struct memory_walk *walk, struct error *err)
{
        int ret;

        walk->offset += walk->region.end - walk->region.start;
        walk->region.start = walk->region.end;
        do
                ret = criu_pagemap_next(&walk->pagemap, &walk->region, err);
        while (ret > 0 && !(walk->region.flags & CRIU_REGION_PRESENT));
        return ret;
}

/* Where the region and a view meet; false when the one or the other must move on. */
static bool meet(struct memory_walk *walk, const struct memory_view *view, struct memory_extent *out)
{
        uint64_t start = walk->region.start > view->start ? walk->region.start : view->start;
        uint64_t end = walk->region.end < view->end ? walk->region.end : view->end;

        if (start >= end)
                return false;
        *out = (struct memory_extent){
                .process = view->process,
                .address = view->address + (start - view->start),
                .offset = walk->offset + (start - walk->region.start),
                .size = end - start,
        };
        walk->offset += end - walk->region.start;
        walk->region.start = end;
        return true;
}

int memory_walk_open(const struct criu_source *source, const struct memory_segment *segment,
                     struct memory_walk *out, struct error *err)
{
        *out = (struct memory_walk){.segment = segment};
        return criu_pagemap_open(source, segment->pagemap, &out->pagemap, err);
}

int memory_walk_next(struct memory_walk *walk, struct memory_extent *out, struct error *err)
{
        while (walk->view < walk->segment->count) {
                const struct memory_view *view = &walk->segment->views[walk->view];

                if (meet(walk, view, out))
                        return 1;
                if (walk->region.start < walk->region.end && walk->region.start >= view->end) {
                        walk->view++;
                } else {
                        int ret = next_region(walk, err);

                        if (ret <= 0)
                                return ret;
                }
        }
        return 0;
}

void memory_walk_close(struct memory_walk *walk)
{
        criu_pagemap_close(&walk->pagemap);
}
