/* SPDX-License-Identifier: Apache-2.0 */
/* What a memory mapping stands for (VMA_* in criu/include/image.h of CRIU 4.2). */
#ifndef SNAP_CRIU_VMA_H
#define SNAP_CRIU_VMA_H

#include "criu/files.h"

enum {
        CRIU_VMA_HEAP = 1 << 5,
        CRIU_VMA_FILE_PRIVATE = 1 << 6,
        CRIU_VMA_FILE_SHARED = 1 << 7,
        CRIU_VMA_ANON_SHARED = 1 << 8,
        CRIU_VMA_SYSV = 1 << 10,
        CRIU_VMA_MEMFD = 1 << 14,
        CRIU_VMA_GUARD =
                1 << 16, /* no mapping of its own: a guarded range within one, listed after the rest */
        CRIU_VMA_PLUGIN = 1 << 27 /* restored by a plug-in of CRIU */
};

/* Type of the file object behind a mapping; 0 when there is none. Its id is `mapping->shmid`. */
static inline uint32_t criu_vma_file_type(const Criu__Mapping *mapping)
{
        if (mapping->status & (CRIU_VMA_ANON_SHARED | CRIU_VMA_PLUGIN))
                return 0;
        if (!(mapping->status & (CRIU_VMA_FILE_PRIVATE | CRIU_VMA_FILE_SHARED)))
                return 0;
        return mapping->status & CRIU_VMA_MEMFD ? CRIU_FILE_MEMFD : CRIU_FILE_REGULAR;
}

/* True for anonymous shared memory whose contents are in "pagemap-shmem-<shmid>.img". */
static inline bool criu_vma_is_shared_memory(const Criu__Mapping *mapping)
{
        return mapping->status & CRIU_VMA_ANON_SHARED && !(mapping->status & CRIU_VMA_SYSV);
}

#endif
