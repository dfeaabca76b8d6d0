/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include "criu/errors.h"

#define ARENA_BLOCK (64 * KIB - sizeof(struct criu_arena_block))

struct criu_arena_block {
        struct criu_arena_block *next;
        size_t used, size;
        _Alignas(max_align_t) uint8_t data[];
};

/* Bytes of all arenas of this thread. */
static _Thread_local uint64_t memory_used;

static struct criu_arena_block *arena_grow(struct criu_arena *arena, size_t size)
{
        size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        struct criu_arena_block *block;

        if (room > CRIU_MEMORY_LIMIT || memory_used > CRIU_MEMORY_LIMIT - room) {
                arena->exhausted = true;
                return NULL;
        }
        block = calloc(1, sizeof(*block) + room);
        if (!block)
                return NULL;
        memory_used += room;
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->total += room;
        return block;
}

void *criu_arena_alloc(struct criu_arena *arena, size_t size)
{
        const size_t mask = _Alignof(uint64_t) - 1;
        struct criu_arena_block *block = arena->blocks;
        void *out;

        if (size <= CRIU_MEMORY_LIMIT) /* what is larger is refused below */
                size = (size + mask) & ~mask;
        if (size == 0)
                size = mask + 1;
        if (!block || block->size - block->used < size)
                block = arena_grow(arena, size);
        if (!block)
                return NULL;
        out = block->data + block->used;
        block->used += size;
        return out;
}

void *criu_arena_array(struct criu_arena *arena, size_t count, size_t size)
{
        size_t total;

        if (mul_overflow(count, size, &total))
                return NULL;
        return criu_arena_alloc(arena, total);
}

char *criu_arena_text(struct criu_arena *arena, struct slice text)
{
        char *out = text.size < SIZE_MAX ? criu_arena_alloc(arena, text.size + 1) : NULL;

        if (!out)
                return NULL;
        for (size_t i = 0; i < text.size; i++)
                out[i] = text.data[i] ? (char)text.data[i] : '@';
        return out;
}

char *criu_arena_printf(struct criu_arena *arena, const char *format, ...)
{
        va_list arguments;
        char *out;
        int size;

        va_start(arguments, format);
        size = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        out = size >= 0 ? criu_arena_alloc(arena, (size_t)size + 1) : NULL;
        if (!out)
                return NULL;
        va_start(arguments, format);
        vsnprintf(out, (size_t)size + 1, format, arguments);
        va_end(arguments);
        return out;
}

static void *arena_protobuf_alloc(void *arena, size_t size)
{
        return criu_arena_alloc(arena, size);
}

static void arena_protobuf_free(void *arena, void *pointer)
{
}

ProtobufCAllocator criu_arena_allocator(struct criu_arena *arena)
{
        return (ProtobufCAllocator){arena_protobuf_alloc, arena_protobuf_free, arena};
}

int criu_arena_failed(const struct criu_arena *arena, int ret, struct error *err)
{
        if (ret >= 0 || !arena->exhausted)
                return ret;
        return error_set(
                err, &ERROR_CRIU_TOO_LARGE, -EFBIG,
                "the processes, files and mappings of the dump would take more than %llu MiB of memory",
                (unsigned long long)(CRIU_MEMORY_LIMIT / MIB));
}

void criu_arena_free(struct criu_arena *arena)
{
        struct criu_arena_block *block = arena->blocks;

        while (block) {
                struct criu_arena_block *next = block->next;

                free(block);
                block = next;
        }
        memory_used -= arena->total < memory_used ? arena->total : memory_used;
        arena->blocks = NULL;
        arena->total = 0;
}
