/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENAS 2

void footprint_limit(void)
{
        (void)mallopt(M_ARENA_MAX, ARENAS);
}

/* Segments that may be written are left alone: relocations are in them. */
static int release_object(struct dl_phdr_info *info, size_t size, void *context)
{
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                uintptr_t start = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1),
                          end = info->dlpi_addr + segment->p_vaddr + segment->p_filesz;

                if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
                        (void)madvise((void *)start, end - start, MADV_DONTNEED);
        }
        return 0;
}

void footprint_release(void)
{
        (void)malloc_trim(0);
        (void)dl_iterate_phdr(release_object, NULL);
}
