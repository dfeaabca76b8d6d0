/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/pagemap.h"

#include <errno.h>
#include <inttypes.h>
#include "criu/errors.h"
#include "criu/wire.h"

/* Of a source from which it cannot be read piece by piece. */
#define WHOLE_LIMIT (16 * MIB)

/* That much is read at a time; there are some 20 bytes for each region, and no record may have more than
 * RECORD_MAX. */
#define PIECE_SIZE (64 * KIB)
#define RECORD_MAX (4 * KIB)

enum { HEAD_PAGES_ID = 1 };
enum { ENTRY_ADDRESS = 1, ENTRY_PAGES_32 = 2, ENTRY_IN_PARENT = 3, ENTRY_FLAGS = 4, ENTRY_PAGES = 5 };

static int pagemap_bad(const struct criu_pagemap *pagemap, struct error *err, const char *reason)
{
        return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG, "%s: %s", pagemap->name, reason);
}

/* Has a whole record in `bytes`, if there is one. */
static int pagemap_fill(struct criu_pagemap *pagemap, struct error *err)
{
        struct slice *rest = &pagemap->image.rest;
        ssize_t n;

        if (!pagemap->reader || rest->size >= RECORD_MAX)
                return 0;
        if (rest->size)
                memmove(pagemap->bytes.data, rest->data, rest->size);
        n = pagemap->reader->read(pagemap->reader, pagemap->bytes.data + rest->size, PIECE_SIZE - rest->size,
                                  err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < PIECE_SIZE - rest->size) {
                pagemap->reader->close(pagemap->reader);
                pagemap->reader = NULL;
        }
        *rest = (struct slice){pagemap->bytes.data, rest->size + (size_t)n};
        return 0;
}

static int pagemap_open_file(const struct criu_source *source, struct criu_pagemap *out, struct error *err)
{
        uint64_t size;
        int r = source->size(source->context, out->name, &size, err);

        if (r == -ENOENT)
                return error_set(err, &ERROR_CRIU_IMAGE_MISSING, r, "%s: there is no such file", out->name);
        if (r == 0 && !source->open)
                r = source->read(source->context, out->name, WHOLE_LIMIT, &out->bytes, err);
        else if (r == 0)
                r = buffer_reserve(&out->bytes, PIECE_SIZE) < 0
                            ? error_oom(err)
                            : source->open(source->context, out->name, &out->reader, err);
        if (r < 0)
                return r;
        out->image.rest = buffer_slice(&out->bytes);
        r = pagemap_fill(out, err);
        return r < 0 ? r : criu_image_open(out->image.rest, out->name, "PAGEMAP", &out->image, err);
}

static int pagemap_read_head(struct criu_pagemap *pagemap, struct error *err)
{
        struct slice head;
        uint64_t id = 0;
        int r = criu_image_next(&pagemap->image, &head, err);

        if (r < 0)
                return r;
        if (r == 0 || wire_find(head, HEAD_PAGES_ID, &id) <= 0 || id > UINT32_MAX)
                return pagemap_bad(pagemap, err, "it does not say which pages file it is for");
        pagemap->pages_id = (uint32_t)id;
        return 0;
}

int criu_pagemap_open(const struct criu_source *source, const char *name, struct criu_pagemap *out,
                      struct error *err)
{
        int r;

        *out = (struct criu_pagemap){0};
        snprintf(out->name, sizeof(out->name), "%s", name);
        r = pagemap_open_file(source, out, err);
        if (r == 0)
                r = pagemap_read_head(out, err);
        if (r < 0)
                criu_pagemap_close(out);
        return r;
}

struct pagemap_entry {
        uint64_t address, pages_32, pages, flags;
        bool has_address, has_pages, has_flags, in_parent;
};

static int pagemap_entry_parse(struct slice record, struct pagemap_entry *out)
{
        struct wire_field field;
        int r;

        while ((r = wire_next(&record, &field)) > 0) {
                if (field.type != WIRE_VARINT)
                        continue;
                switch (field.number) {
                case ENTRY_ADDRESS:
                        out->address = field.value;
                        out->has_address = true;
                        break;
                case ENTRY_PAGES_32:
                        out->pages_32 = (uint32_t)field.value;
                        break;
                case ENTRY_IN_PARENT:
                        out->in_parent = field.value != 0;
                        break;
                case ENTRY_FLAGS:
                        out->flags = (uint32_t)field.value;
                        out->has_flags = true;
                        break;
                case ENTRY_PAGES:
                        out->pages = field.value;
                        out->has_pages = true;
                        break;
                }
        }
        return r;
}

int criu_pagemap_next(struct criu_pagemap *pagemap, struct criu_region *out, struct error *err)
{
        struct pagemap_entry entry = {0};
        struct slice record;
        uint64_t size;
        int r = pagemap_fill(pagemap, err);

        if (r == 0)
                r = criu_image_next(&pagemap->image, &record, err);
        if (r <= 0)
                return r;
        if (pagemap_entry_parse(record, &entry) < 0 || !entry.has_address)
                return pagemap_bad(pagemap, err, "a record is not well-formed");
        /* CRIU 4.2 counts in 64 bits and leaves the old count 0; before 2.x there were no flags. */
        if (entry.has_pages)
                pagemap->wide_counts = true;
        else
                entry.pages = entry.pages_32;
        if (entry.in_parent)
                entry.flags |= CRIU_REGION_PARENT;
        else if (!entry.has_flags)
                entry.flags = CRIU_REGION_PRESENT;
        if (entry.address % CRIU_PAGE_SIZE != 0 || mul_overflow(entry.pages, CRIU_PAGE_SIZE, &size) ||
            add_overflow(entry.address, size, &size))
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: %" PRIu64 " pages at 0x%" PRIx64 " cannot be", pagemap->name,
                                 entry.pages, entry.address);
        if (entry.address < pagemap->last_end)
                return error_set(err, &ERROR_CRIU_IMAGE, -EBADMSG,
                                 "%s: the region at 0x%" PRIx64 " begins before the end of the one before it",
                                 pagemap->name, entry.address);
        *out = (struct criu_region){entry.address, size, (uint32_t)entry.flags};
        pagemap->last_end = size;
        return 1;
}

void criu_pagemap_close(struct criu_pagemap *pagemap)
{
        if (pagemap->reader)
                pagemap->reader->close(pagemap->reader);
        pagemap->reader = NULL;
        buffer_free(&pagemap->bytes);
}

int criu_pagemap_size(const struct criu_source *source, const char *name, uint32_t *pages_id, uint64_t *size,
                      struct error *err)
{
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_region region;
        int r = criu_pagemap_open(source, name, &pagemap, err);

        if (r < 0)
                return r;
        *pages_id = pagemap.pages_id;
        *size = 0;
        while ((r = criu_pagemap_next(&pagemap, &region, err)) > 0)
                if (region.flags & CRIU_REGION_PRESENT)
                        *size += region.end - region.start;
        return r;
}
