/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include "criu/dump.h"
#include "criu/errors.h"
#include "criu/pagemap.h"

struct memory_reader {
        criu_pages_reader read;
        void *context;
        char pages[32]; /* name of the pages file */
        pid_t pid;
        uint64_t address; /* of the next byte that is wanted */
        uint8_t *data;
        size_t left;
};

static int memory_absent(const struct memory_reader *reader, struct error *err)
{
        return error_set(err, &ERROR_NOT_FOUND, -ENOENT,
                         "the dump does not hold the memory of process %d at 0x%" PRIx64, (int)reader->pid,
                         reader->address);
}

/* Reads what `region` has of the wanted bytes; its own begin at `offset` of the pages file. */
static int memory_read_region(struct memory_reader *reader, const struct criu_region *region, uint64_t offset,
                              struct error *err)
{
        uint64_t size = region->end - reader->address;
        int r;

        if (!(region->flags & CRIU_REGION_PRESENT))
                return memory_absent(reader, err);
        if (size > reader->left)
                size = reader->left;
        r = reader->read(reader->context, reader->pages, offset + (reader->address - region->start),
                         reader->data, size, err);
        if (r < 0)
                return r;
        reader->address += size;
        reader->data += size;
        reader->left -= size;
        return 0;
}

int criu_memory_read(const struct criu_source *source, criu_pages_reader read_pages, void *context, pid_t pid,
                     uint64_t address, void *data, size_t size, struct error *err)
{
        struct memory_reader reader = {read_pages, context, "", pid, address, data, size};
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_region region;
        uint64_t offset = 0;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "pagemap-%d.img", (int)pid);
        r = criu_pagemap_open(source, name, &pagemap, err);
        if (r < 0)
                return r;
        snprintf(reader.pages, sizeof(reader.pages), "pages-%u.img", pagemap.pages_id);
        while (reader.left > 0 && (r = criu_pagemap_next(&pagemap, &region, err)) > 0) {
                if (region.start > reader.address)
                        return memory_absent(&reader, err);
                if (region.end > reader.address) {
                        r = memory_read_region(&reader, &region, offset, err);
                        if (r < 0)
                                return r;
                }
                if (region.flags & CRIU_REGION_PRESENT)
                        offset += region.end - region.start;
        }
        if (r < 0)
                return r;
        return reader.left ? memory_absent(&reader, err) : 0;
}
