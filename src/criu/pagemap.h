/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pages of a process or of shared memory a dump holds (images/pagemap.proto, criu/pagemap.c of
 * CRIU 4.2): a head with the number of the pages file, then regions in order; the bytes of those that are
 * present stand one after another in that file.
 */
#ifndef SNAP_CRIU_PAGEMAP_H
#define SNAP_CRIU_PAGEMAP_H

#include "criu/record.h"

#define CRIU_PAGE_SIZE ((uint64_t)4096)

enum { CRIU_REGION_PARENT = 1, CRIU_REGION_LAZY = 2, CRIU_REGION_PRESENT = 4 };

struct criu_region {
        uint64_t start, end; /* addresses; offsets in shared memory */
        uint32_t flags;
};

struct criu_pagemap {
        char name[64];              /* so that `image.name` outlives the caller's */
        struct criu_reader *reader; /* NULL: all of it is in `bytes` */
        struct buffer bytes;
        struct criu_image image; /* of these */
        uint32_t pages_id;       /* of "pages-ID.img" */
        uint64_t last_end;
        bool wide_counts; /* a region was counted in 64 bits, as CRIU does from 4.2 on */
};

int criu_pagemap_open(const struct criu_source *source, const char *name, struct criu_pagemap *out,
                      struct error *err);
/* 1: the next region; 0: end; -EBADMSG: cut short, not aligned, out of order or overlapping. */
int criu_pagemap_next(struct criu_pagemap *pagemap, struct criu_region *out, struct error *err);
void criu_pagemap_close(struct criu_pagemap *pagemap);
#define _cleanup_criu_pagemap_ _cleanup_(criu_pagemap_close)

/* Bytes that a pagemap's regions take in its pages file. */
int criu_pagemap_size(const struct criu_source *source, const char *name, uint32_t *pages_id, uint64_t *size,
                      struct error *err);

#endif
