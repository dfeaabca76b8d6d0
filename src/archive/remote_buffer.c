/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/remote_buffer.h"

#include <pthread.h>

#define WINDOW_SIZE  (256 * KIB)
#define WINDOW_COUNT 8

struct window {
        uint64_t offset;
        size_t size; /* 0: nothing is in it */
        unsigned long used;
        uint8_t *bytes;
};

struct remote_buffer {
        struct archive_remote inner;
        uint64_t size;
        pthread_mutex_t lock;
        struct window windows[WINDOW_COUNT];
        unsigned long uses;
};

static void buffer_release(void *context)
{
        struct remote_buffer *buffer = context;

        for (size_t i = 0; i < WINDOW_COUNT; i++)
                free(buffer->windows[i].bytes);
        pthread_mutex_destroy(&buffer->lock);
        buffer->inner.release(buffer->inner.context);
        free(buffer);
}

/* The window that holds the offset, fetched in place of the one that was used longest ago. NULL: `ret` says
 * why. */
static struct window *window_at(struct remote_buffer *buffer, uint64_t offset, int *ret, struct error *err)
{
        uint64_t start = offset - offset % WINDOW_SIZE, left = buffer->size - start;
        struct window *window = &buffer->windows[0];
        size_t size = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;

        for (size_t i = 0; i < WINDOW_COUNT; i++) {
                if (buffer->windows[i].size && buffer->windows[i].offset == start)
                        return &buffer->windows[i];
                if (buffer->windows[i].used < window->used)
                        window = &buffer->windows[i];
        }
        if (!window->bytes && !(window->bytes = malloc(WINDOW_SIZE))) {
                *ret = error_oom(err);
                return NULL;
        }
        window->size = 0;
        *ret = buffer->inner.read(buffer->inner.context, start, window->bytes, size, err);
        if (*ret < 0)
                return NULL;
        window->offset = start;
        window->size = size;
        return window;
}

static int read_windows(struct remote_buffer *buffer, uint64_t offset, uint8_t *data, size_t size,
                        struct error *err)
{
        int ret = 0;

        while (size) {
                struct window *window = window_at(buffer, offset, &ret, err);
                size_t part;

                if (!window)
                        return ret;
                window->used = ++buffer->uses;
                part = window->size - (size_t)(offset - window->offset);
                part = part < size ? part : size;
                memcpy(data, window->bytes + (offset - window->offset), part);
                data += part;
                offset += part;
                size -= part;
        }
        return 0;
}

static int buffer_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct remote_buffer *buffer = context;
        int ret;

        if (size >= WINDOW_SIZE)
                return buffer->inner.read(buffer->inner.context, offset, data, size, err);
        pthread_mutex_lock(&buffer->lock);
        ret = read_windows(buffer, offset, data, size, err);
        pthread_mutex_unlock(&buffer->lock);
        return ret;
}

int remote_buffer_new(const struct archive_remote *inner, uint64_t size, struct archive_remote *out,
                      struct error *err)
{
        struct remote_buffer *buffer = calloc(1, sizeof(*buffer));

        if (!buffer) {
                inner->release(inner->context);
                return error_oom(err);
        }
        pthread_mutex_init(&buffer->lock, NULL);
        buffer->inner = *inner;
        buffer->size = size;
        *out = (struct archive_remote){buffer_read, buffer_release, buffer};
        return 0;
}
