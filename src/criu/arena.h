/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once, with a limit: small records from outside unfold into much larger
 * structures. The limit is that of all arenas of a thread together, because it may have several dumps open;
 * what other threads of a server look at does not count. Whoever filled an arena frees it. */
#ifndef SNAP_CRIU_ARENA_H
#define SNAP_CRIU_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include "base/bytes.h"
#include "base/error.h"

struct criu_arena_block;

struct criu_arena {
        struct criu_arena_block *blocks;
        uint64_t total;
        bool exhausted; /* something was refused because of the limit */
};

/* Thirty thousand open files, or a hundred thousand mappings of memory in one process, stay below. */
#define CRIU_MEMORY_LIMIT (24 * MIB)
#define CRIU_ARENA_INIT   ((struct criu_arena){0})

/* Zeroed, aligned for integers and pointers; NULL when memory or the limit is exhausted. */
void *criu_arena_alloc(struct criu_arena *arena, size_t size);
void *criu_arena_array(struct criu_arena *arena, size_t count, size_t size);
/* A terminated copy; inner NULs become "@", as CRIU's tools show abstract socket names. */
char *criu_arena_text(struct criu_arena *arena, struct slice text);
char *criu_arena_printf(struct criu_arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* For protobuf-c; borrows the arena, and its "free" does nothing. */
ProtobufCAllocator criu_arena_allocator(struct criu_arena *arena);
/* Turns the failure `ret` into ERROR_CRIU_TOO_LARGE if that was because of the limit. */
int criu_arena_failed(const struct criu_arena *arena, int ret, struct error *err);
/* What was exhausted stays so. */
void criu_arena_free(struct criu_arena *arena);
#define _cleanup_criu_arena_ _cleanup_(criu_arena_free)

#endif
