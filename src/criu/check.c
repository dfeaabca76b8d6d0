/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/check.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include "criu/checker.h"
#include "criu/errors.h"

void checker_fault(struct checker *checker, const char *object, const char *format, ...)
{
        char reason[512];
        va_list arguments;

        if (checker->faults < INT_MAX)
                checker->faults++;
        if (checker->faults > CRIU_CHECK_FAULTS)
                return;
        va_start(arguments, format);
        vsnprintf(reason, sizeof(reason), format, arguments);
        va_end(arguments);
        checker->fault(checker->context, object, reason);
}

int checker_failed(struct checker *checker, const char *object, int r, const struct error *error)
{
        size_t prefix = strlen(object);
        const char *reason = error->text;

        if (error->kind != &ERROR_CRIU_IMAGE && error->kind != &ERROR_CRIU_IMAGE_MISSING) {
                if (checker->err)
                        *checker->err = *error;
                return r;
        }
        /* Errors name the file first; a fault has it apart. */
        if (strncmp(reason, object, prefix) == 0 && strncmp(reason + prefix, ": ", 2) == 0)
                reason += prefix + 2;
        checker_fault(checker, object, "%s", reason);
        return 0;
}

/* Where a number is, or would be, in a set whose slots are a power of two and never all taken. */
static size_t number_slot(const struct checker_numbers *numbers, uint64_t number)
{
        size_t mask = numbers->capacity - 1,
               slot = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;

        while (numbers->used[slot] && numbers->items[slot] != number)
                slot = (slot + 1) & mask;
        return slot;
}

static int numbers_grow(struct checker *checker, struct checker_numbers *numbers)
{
        struct checker_numbers grown = {.count = numbers->count,
                                        .capacity = numbers->capacity ? numbers->capacity * 2 : 64};

        grown.items = criu_arena_array(&checker->arena, grown.capacity, sizeof(*grown.items));
        grown.used = criu_arena_array(&checker->arena, grown.capacity, sizeof(*grown.used));
        if (!grown.items || !grown.used)
                return error_oom(checker->err);
        for (size_t i = 0; i < numbers->capacity; i++) {
                size_t slot;

                if (!numbers->used[i])
                        continue;
                slot = number_slot(&grown, numbers->items[i]);
                grown.used[slot] = true;
                grown.items[slot] = numbers->items[i];
        }
        *numbers = grown;
        return 0;
}

int checker_number_add(struct checker *checker, struct checker_numbers *numbers, uint64_t number)
{
        size_t slot;

        if (numbers->count >= numbers->capacity / 2) {
                int r = numbers_grow(checker, numbers);

                if (r < 0)
                        return r;
        }
        slot = number_slot(numbers, number);
        if (numbers->used[slot])
                return 0;
        numbers->used[slot] = true;
        numbers->items[slot] = number;
        numbers->count++;
        return 1;
}

static int check_inventory(struct checker *checker)
{
        const char *name = "inventory.img";
        struct error error = {0};
        int r = criu_record_read(checker->source, name, "INVENTORY", &criu__inventory__descriptor,
                                 &checker->arena, &checker->inventory, &error);

        if (r < 0)
                return checker_failed(checker, name, r, &error);
        /* CRTOOLS_IMAGES_V1 and V1_1; CRIU refuses all others. */
        if (checker->inventory->version != 1 && checker->inventory->version != 2)
                checker_fault(checker, name, "images of version %u are unknown", checker->inventory->version);
        return 0;
}

static int check_statistics(struct checker *checker)
{
        const char *name = "stats-dump";
        Criu__Statistics *statistics;
        struct error error = {0};
        int r = criu_record_read(checker->source, name, "STATS", &criu__statistics__descriptor,
                                 &checker->arena, &statistics, &error);

        /* Not every engine keeps it, and restoring does not need it. */
        return r == 0 || r == -ENOENT ? 0 : checker_failed(checker, name, r, &error);
}

static int check_load_files(struct checker *checker)
{
        struct error error = {0};
        int r = criu_files_load(checker->source, &checker->arena, &checker->files, &error);

        if (r < 0) {
                const char *colon = strchr(error.text, ':');
                char name[64];

                snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - error.text) : 0, error.text);
                return checker_failed(checker, *name ? name : "files.img", r, &error);
        }
        checker->referred = criu_arena_array(&checker->arena, checker->files.count, sizeof(bool));
        if (!checker->referred)
                return error_oom(checker->err);
        checker->has_files = true;
        return 0;
}

/* Kinds that are read record by record elsewhere, and only where a process of the tree refers to them: a
 * runtime may leave images of processes of an earlier dump in the directory. */
static bool check_is_read_elsewhere(const struct criu_image_kind *kind)
{
        static const char *const names[] = {"INVENTORY",   "PSTREE", "CORE",    "IDS",   "MM",
                                            "FS",          "FDINFO", "PAGEMAP", "FILES", "REMAP_FPATH",
                                            "MEMFD_INODE", "STATS",  "VMAS"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(kind->name, names[i]) == 0)
                        return true;
        return false;
}

struct check_listing {
        struct criu_arena *arena;
        struct criu_messages names;
};

static int check_list(void *argument, const char *name, uint64_t size)
{
        struct check_listing *listing = argument;
        const struct criu_image_kind *kind = criu_image_kind_by_file(name);

        /* Larger ones carry the contents of files or queues; their frames tell less than their digest. */
        if (!kind || check_is_read_elsewhere(kind) || size > CRIU_IMAGE_LIMIT)
                return 0;
        name = criu_arena_text(listing->arena, SLICE_TEXT(name));
        return name ? criu_messages_add(&listing->names, listing->arena, (void *)(uintptr_t)name) : -ENOMEM;
}

static int check_scan(struct checker *checker, const char *name)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error error = {0};
        int r = checker->source->read(checker->source->context, name, CRIU_IMAGE_LIMIT, &bytes, &error);

        if (r == 0)
                r = criu_image_scan(buffer_slice(&bytes), name, criu_image_kind_by_file(name)->name, &error);
        return r < 0 ? checker_failed(checker, name, r, &error) : 0;
}

static int check_other_images(struct checker *checker)
{
        struct check_listing listing = {.arena = &checker->arena};
        int r = checker->source->list(checker->source->context, check_list, &listing, checker->err);

        if (r == -ENOMEM)
                return error_oom(checker->err);
        for (size_t i = 0; r == 0 && i < listing.names.count; i++)
                r = check_scan(checker, listing.names.items[i]);
        return r;
}

int criu_check(const struct criu_source *source, criu_fault fault, void *context, struct error *err)
{
        struct checker checker = {.source = source,
                                  .fault = fault,
                                  .context = context,
                                  .err = err,
                                  .arena = CRIU_ARENA_INIT,
                                  .scratch = CRIU_ARENA_INIT};
        int (*const steps[])(struct checker *) = {
                check_inventory,         check_statistics,    check_load_files,
                checker_check_processes, checker_check_files, checker_check_shared_memory,
                checker_check_pages,     check_other_images,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
                r = steps[i](&checker);
        r = criu_arena_failed(&checker.arena, r, err);
        r = criu_arena_failed(&checker.scratch, r, err);
        criu_arena_free(&checker.scratch);
        criu_arena_free(&checker.arena);
        return r < 0 ? r : checker.faults;
}
