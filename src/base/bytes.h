/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed and owned runs of bytes, checked arithmetic, little-endian loads. */
#ifndef SNAP_BASE_BYTES_H
#define SNAP_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/cleanup.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* Borrowed bytes, not terminated. */
struct slice {
        const uint8_t *data;
        size_t size;
};

#define SLICE_TEXT(text) ((struct slice){(const uint8_t *)(text), strlen(text)})

/* Cuts `size` bytes off the front of `from` into `out`. False, nothing changed, when there are fewer. */
static inline bool slice_take(struct slice *from, size_t size, struct slice *out)
{
        if (size > from->size)
                return false;
        *out = (struct slice){from->data, size};
        from->data += size;
        from->size -= size;
        return true;
}

/* Owned bytes that grow. Zero-initialise. `data[size]` is always a NUL once anything was appended. */
struct buffer {
        uint8_t *data;
        size_t size;
        size_t capacity;
};

/* 0, or -ENOMEM (nothing changed). */
int buffer_reserve(struct buffer *buffer, size_t more);
int buffer_append(struct buffer *buffer, const void *data, size_t size);
int buffer_append_text(struct buffer *buffer, const char *text);
int buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text so far, "" when empty; borrowed. */
const char *buffer_text(const struct buffer *buffer);
/* Frees the bytes and leaves an empty buffer. */
void buffer_free(struct buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_free)

static inline struct slice buffer_slice(const struct buffer *buffer)
{
        return (struct slice){buffer->data, buffer->size};
}

/* Replaces an owned text by a copy of `value`; NULL: "". 0, or -ENOMEM (nothing changed). */
int text_set(char **text, const char *value);

static inline uint32_t load_le32(const uint8_t *p)
{
        return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t load_le64(const uint8_t *p)
{
        return (uint64_t)load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

static inline void store_le32(uint8_t *p, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(value >> (8 * i));
}

static inline void store_le64(uint8_t *p, uint64_t value)
{
        store_le32(p, (uint32_t)value);
        store_le32(p + 4, (uint32_t)(value >> 32));
}

/* True on overflow, like the compiler's own. */
#define add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)

static inline bool text_starts_with(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool text_ends_with(const char *text, const char *suffix)
{
        size_t n = strlen(text), m = strlen(suffix);

        return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

#endif
