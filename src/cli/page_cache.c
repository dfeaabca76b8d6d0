/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include "program/memory.h"
#include "cli/page_cache.h"

/* In the expanded tar stream. */
struct range {
        uint64_t start;
        size_t size;
        uint8_t *data; /* NULL until filled */
};

struct page_cache {
        const struct archive *archive;
        uint64_t limit, noted;
        struct range *ranges; /* sorted by start once filled; they may overlap */
        size_t count, capacity;
        uint64_t position; /* of the pass over the archive */
        size_t first;      /* the first range that is not behind us */
        size_t longest;    /* of all ranges */
};

struct page_cache *page_cache_new(const struct archive *archive, uint64_t limit)
{
        struct page_cache *cache = memory_grow(NULL, 1, sizeof(*cache));

        *cache = (struct page_cache){.archive = archive, .limit = limit};
        return cache;
}

void page_cache_free(struct page_cache *cache)
{
        for (size_t i = 0; i < cache->count; i++)
                free(cache->ranges[i].data);
        free(cache->ranges);
        free(cache);
}

/* The pages file and that the range lies inside it. */
static int find_pages(const struct archive *archive, const char *name, uint64_t offset, size_t size,
                      const struct archive_member **out, struct error *err)
{
        char path[NAME_MAX + 16];
        uint64_t end;

        snprintf(path, sizeof(path), "checkpoint/%s", name);
        *out = archive_find(archive, path);
        if (!*out)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no `%s`",
                                 archive_path(archive), path);
        if (add_overflow(offset, size, &end) || end > (*out)->size)
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "`%s` in `%s` is shorter than the page map says", path,
                                 archive_path(archive));
        return 0;
}

int pages_read_direct(void *context, const char *name, uint64_t offset, void *data, size_t size,
                      struct error *err)
{
        const struct archive *archive = context;
        const struct archive_member *member;
        int ret = find_pages(archive, name, offset, size, &member, err);

        return ret < 0 ? ret : archive_read_at(archive, member, offset, data, size, err);
}

int page_cache_note(void *context, const char *name, uint64_t offset, void *data, size_t size,
                    struct error *err)
{
        struct page_cache *cache = context;
        const struct archive_member *member;
        int ret = find_pages(cache->archive, name, offset, size, &member, err);

        if (ret < 0)
                return ret;
        if (size > cache->limit - cache->noted)
                return error_set(err, &ERROR_UNSUPPORTED, -EFBIG,
                                 "more than %llu MiB of memory would have to be kept to look into `%s`",
                                 (unsigned long long)(cache->limit / MIB), archive_path(cache->archive));
        cache->noted += size;
        if (cache->count == cache->capacity) {
                cache->capacity = cache->capacity ? cache->capacity * 2 : 64;
                cache->ranges = memory_grow(cache->ranges, cache->capacity, sizeof(*cache->ranges));
        }
        cache->ranges[cache->count++] = (struct range){.start = member->offset + offset, .size = size};
        if (size > cache->longest)
                cache->longest = size;
        memset(data, 0, size);
        return 0;
}

static int compare(const void *a, const void *b)
{
        const struct range *p = a, *q = b;

        if (p->start != q->start)
                return p->start < q->start ? -1 : 1;
        return (p->size > q->size) - (p->size < q->size);
}

static void copy_overlap(const struct page_cache *cache, struct range *range, struct slice raw)
{
        uint64_t start = range->start > cache->position ? range->start : cache->position;
        uint64_t end = range->start + range->size, raw_end = cache->position + raw.size;

        end = end < raw_end ? end : raw_end;
        if (start < end)
                memcpy(range->data + (start - range->start), raw.data + (start - cache->position),
                       end - start);
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct page_cache *cache = context;

        /* A range that starts more than the longest behind us has ended. */
        while (cache->first < cache->count &&
               cache->ranges[cache->first].start + cache->longest <= cache->position)
                cache->first++;
        for (size_t i = cache->first; i < cache->count; i++) {
                if (cache->ranges[i].start >= cache->position + raw.size)
                        break;
                copy_overlap(cache, &cache->ranges[i], raw);
        }
        cache->position += raw.size;
        return 0;
}

int page_cache_fill(struct page_cache *cache, struct error *err)
{
        for (size_t i = 0; i < cache->count; i++) {
                cache->ranges[i].data = memory_grow(NULL, cache->ranges[i].size, 1);
                memset(cache->ranges[i].data, 0, cache->ranges[i].size);
        }
        if (cache->count == 0)
                return 0;
        qsort(cache->ranges, cache->count, sizeof(*cache->ranges), compare);
        return archive_stream(cache->archive, take, cache, err);
}

int page_cache_serve(void *context, const char *name, uint64_t offset, void *data, size_t size,
                     struct error *err)
{
        struct page_cache *cache = context;
        const struct archive_member *member;
        struct range key = {.size = size}, *found;
        int ret = find_pages(cache->archive, name, offset, size, &member, err);

        if (ret < 0)
                return ret;
        key.start = member->offset + offset;
        found = cache->count ? bsearch(&key, cache->ranges, cache->count, sizeof(key), compare) : NULL;
        if (!found)
                return error_set(err, &ERROR_INTERNAL, -EIO, "a range of `%s` was not read beforehand", name);
        memcpy(data, found->data, size);
        return 0;
}
