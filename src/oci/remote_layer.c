/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/remote_layer.h"

#include <pthread.h>
#include <stdatomic.h>
#include "oci/registry_client.h"

/* Headers and records lie close together: one request brings the neighbours along. What is read in larger
 * pieces comes without a detour. */
#define WINDOW_SIZE  (256 * KIB)
#define WINDOW_COUNT 8

struct window {
        uint64_t offset;
        size_t size; /* 0: nothing is in it */
        unsigned long used;
        uint8_t *bytes;
};

/* What the layers of an image have in common. */
struct shared {
        struct source *source;
        atomic_uint layers;
};

struct remote_layer {
        struct shared *shared;
        struct descriptor blob;
        pthread_mutex_t lock;
        struct window windows[WINDOW_COUNT];
        unsigned long uses;
};

static void shared_release(struct shared *shared)
{
        if (atomic_fetch_sub(&shared->layers, 1) != 1)
                return;
        source_free(shared->source);
        free(shared);
}

static void layer_release(void *context)
{
        struct remote_layer *layer = context;

        for (size_t i = 0; i < WINDOW_COUNT; i++)
                free(layer->windows[i].bytes);
        pthread_mutex_destroy(&layer->lock);
        shared_release(layer->shared);
        free(layer);
}

static int fetch(struct remote_layer *layer, uint64_t offset, void *data, size_t size, struct error *err)
{
        return registry_blob_read(source_registry(layer->shared->source), &layer->blob, offset, data, size,
                                  err);
}

/* The window that holds the offset, fetched in place of the one that was used longest ago. NULL: `ret` says
 * why. */
static struct window *window_at(struct remote_layer *layer, uint64_t offset, int *ret, struct error *err)
{
        uint64_t start = offset - offset % WINDOW_SIZE, left = layer->blob.size - start;
        struct window *window = &layer->windows[0];
        size_t size = left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE;

        for (size_t i = 0; i < WINDOW_COUNT; i++) {
                if (layer->windows[i].size && layer->windows[i].offset == start)
                        return &layer->windows[i];
                if (layer->windows[i].used < window->used)
                        window = &layer->windows[i];
        }
        if (!window->bytes && !(window->bytes = malloc(WINDOW_SIZE))) {
                *ret = error_oom(err);
                return NULL;
        }
        window->size = 0;
        *ret = fetch(layer, start, window->bytes, size, err);
        if (*ret < 0)
                return NULL;
        window->offset = start;
        window->size = size;
        return window;
}

static int read_windows(struct remote_layer *layer, uint64_t offset, uint8_t *data, size_t size,
                        struct error *err)
{
        int ret = 0;

        while (size) {
                struct window *window = window_at(layer, offset, &ret, err);
                size_t part;

                if (!window)
                        return ret;
                window->used = ++layer->uses;
                part = window->size - (size_t)(offset - window->offset);
                part = part < size ? part : size;
                memcpy(data, window->bytes + (offset - window->offset), part);
                data += part;
                offset += part;
                size -= part;
        }
        return 0;
}

static int layer_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct remote_layer *layer = context;
        int ret;

        if (size >= WINDOW_SIZE)
                return fetch(layer, offset, data, size, err);
        pthread_mutex_lock(&layer->lock);
        ret = read_windows(layer, offset, data, size, err);
        pthread_mutex_unlock(&layer->lock);
        return ret;
}

static struct remote_layer *layer_new(struct shared *shared, const struct descriptor *blob)
{
        struct remote_layer *layer = calloc(1, sizeof(*layer));

        if (!layer)
                return NULL;
        pthread_mutex_init(&layer->lock, NULL);
        layer->shared = shared;
        layer->blob = *blob;
        atomic_fetch_add(&shared->layers, 1);
        return layer;
}

int remote_layers_open(struct source *source, const struct descriptor *blobs, size_t count,
                       struct archive_remote *out, struct error *err)
{
        struct shared *shared = malloc(sizeof(*shared));
        size_t opened = 0;

        if (!shared) {
                source_free(source);
                return error_oom(err);
        }
        shared->source = source;
        atomic_init(&shared->layers, 1);
        for (; opened < count; opened++) {
                struct remote_layer *layer = layer_new(shared, &blobs[opened]);

                if (!layer)
                        break;
                out[opened] = (struct archive_remote){layer_read, layer_release, layer};
        }
        if (opened < count)
                for (size_t i = 0; i < opened; i++)
                        layer_release(out[i].context);
        shared_release(shared);
        return opened < count ? error_oom(err) : 0;
}
