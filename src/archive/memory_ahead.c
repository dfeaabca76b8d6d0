/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_ahead.h"

#include <errno.h>
#include <inttypes.h>
#include "archive/internal.h"
#include "archive/memory_scanner.h"

/* While an archive is expanded there is not as much memory left as later: of larger images of CRIU, one or
 * all together, nothing is guessed. Those of a thousand processes have 3 MiB. */
#define IMAGE_MAX  (1 * MIB)
#define IMAGES_MAX (4 * MIB)

struct looking {
        struct archive *archive;
        const struct memory_scan *scan;
        struct memory_ahead *ahead;
        struct criu_source source;
        struct criu_dump *dump; /* as it is guessed; NULL: there is nothing to look at */
        struct memory_plan plan;
        struct memory_scanner *scanner;
        size_t count;  /* segments of the plan that came */
        bool prepared; /* the first pages came */
        bool failed;
};

/* Is it one of the images that the guess is made of? */
static bool is_wanted(const char *name)
{
        return strcmp(name, "checkpoint/files.img") == 0 || text_starts_with(name, "checkpoint/mm-") ||
               text_starts_with(name, "checkpoint/core-") || text_starts_with(name, "checkpoint/pagemap-");
}

/* Can it be read now without reading the archive again? */
static bool is_at_hand(const struct archive *archive, size_t index)
{
        const struct kept *kept = &archive->kept[index];

        return !archive->members[index].size || ((kept->bytes.data || kept->spilled) && kept->from == 0) ||
               !archive_part_is_forward(archive_part_of(archive, &archive->members[index]));
}

/* "files.img" says which of the mappings are memory files: without it there is no guess. */
static bool can_guess(const struct archive *archive)
{
        uint64_t total = 0;

        for (size_t i = 0; i < archive->count; i++) {
                const struct archive_member *member = &archive->members[i];

                if (!is_wanted(member->name))
                        continue;
                if (!is_at_hand(archive, i))
                        return false;
                if (text_starts_with(member->name, "checkpoint/pagemap-"))
                        continue; /* these are read piece by piece */
                total += member->size;
                if (member->size > IMAGE_MAX || total > IMAGES_MAX)
                        return false;
        }
        return archive_find(archive, "checkpoint/files.img") != NULL;
}

static int prepare(struct looking *looking, struct error *err)
{
        struct archive *archive = looking->archive;
        int ret = archive_sort_names(archive, err);

        if (ret < 0 || !can_guess(archive))
                return ret;
        ret = criu_dump_guess(&looking->source, &looking->dump, err);
        if (ret == 0)
                ret = memory_plan_guess(archive, looking->dump, looking->scan->pid, &looking->plan, err);
        if (ret == 0)
                ret = memory_plan_digest(&looking->plan, &looking->ahead->guess, err);
        if (ret == 0 && looking->plan.count)
                ret = memory_scanner_new(looking->scan, looking->plan.size, &looking->scanner, err);
        return ret;
}

static int compare_id(const void *key, const void *item)
{
        const struct memory_segment *segment = item;
        const uint32_t *id = key;

        return (*id > segment->pages_id) - (*id < segment->pages_id);
}

/* NULL: none has its pages there. */
static const struct memory_segment *find_segment(const struct memory_plan *plan,
                                                 const struct archive_member *member)
{
        char expected[64];
        uint32_t id;

        if (sscanf(member->name, "checkpoint/pages-%" SCNu32, &id) != 1)
                return NULL;
        snprintf(expected, sizeof(expected), "checkpoint/pages-%" PRIu32 ".img", id);
        return strcmp(member->name, expected) == 0
                       ? bsearch(&id, plan->segments, plan->count, sizeof(*plan->segments), compare_id)
                       : NULL;
}

static int take_pages(void *context, const struct archive_member *member, struct stream *contents,
                      struct error *err)
{
        struct looking *looking = context;
        const struct memory_segment *segment;

        if (!looking->prepared)
                looking->failed = prepare(looking, NULL) < 0;
        looking->prepared = true;
        if (looking->failed || !looking->scanner)
                return 0;
        segment = find_segment(&looking->plan, member);
        if (!segment)
                return 0;
        looking->count++;
        looking->ahead->begun = true;
        looking->failed =
                member->size < segment->size ||
                memory_scanner_feed(looking->scanner, &looking->source, segment, contents, NULL) != 0;
        return 0;
}

int memory_ahead_read(struct archive *archive, const struct memory_scan *scan, struct memory_ahead *out,
                      struct error *err)
{
        /* How far it is, the reading says. */
        const struct memory_scan quiet = {.pid = scan->pid,
                                          .size = scan->size,
                                          .before = scan->before,
                                          .after = scan->after,
                                          .look = scan->look,
                                          .take = scan->take,
                                          .context = scan->context};
        struct looking looking = {
                .archive = archive, .scan = &quiet, .ahead = out, .source = archive_criu_source(archive)};
        const struct archive_visitor visitor = {
                .pages = take_pages, .context = &looking, .progress = scan->progress, .phase = "read"};
        int ret = archive_visit(archive, &visitor, err);

        if (ret == 0 && looking.scanner && !looking.failed)
                out->complete = looking.count == looking.plan.count &&
                                memory_scanner_finish(looking.scanner, NULL) == 0;
        memory_scanner_free(looking.scanner);
        memory_plan_free(&looking.plan);
        criu_dump_free(looking.dump);
        return ret;
}

int memory_ahead_is_whole(const struct memory_ahead *ahead, const struct memory_plan *plan, bool *out,
                          struct error *err)
{
        struct sha256 digest;
        int ret = memory_plan_digest(plan, &digest, err);

        *out = ret == 0 && ahead->complete && sha256_equal(&digest, &ahead->guess);
        return ret;
}
