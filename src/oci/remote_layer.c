/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/remote_layer.h"

#include <stdatomic.h>
#include "archive/remote_buffer.h"
#include "oci/registry_client.h"

/* What the layers of an image have in common. */
struct shared {
        struct source *source;
        atomic_uint layers;
};

struct remote_layer {
        struct shared *shared;
        struct descriptor blob;
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

        shared_release(layer->shared);
        free(layer);
}

static int layer_read(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct remote_layer *layer = context;

        return registry_blob_read(source_registry(layer->shared->source), &layer->blob, offset, data, size,
                                  err);
}

static int layer_open(struct shared *shared, const struct descriptor *blob, struct archive_remote *out,
                      struct error *err)
{
        struct remote_layer *layer = calloc(1, sizeof(*layer));
        const struct archive_remote direct = {layer_read, layer_release, layer};

        if (!layer)
                return error_oom(err);
        layer->shared = shared;
        layer->blob = *blob;
        atomic_fetch_add(&shared->layers, 1);
        return remote_buffer_new(&direct, blob->size, out, err);
}

int remote_layers_open(struct source *source, const struct descriptor *blobs, size_t count,
                       struct archive_remote *out, struct error *err)
{
        struct shared *shared = malloc(sizeof(*shared));
        size_t opened = 0;
        int ret = 0;

        if (!shared) {
                source_free(source);
                return error_oom(err);
        }
        shared->source = source;
        atomic_init(&shared->layers, 1);
        while (opened < count && (ret = layer_open(shared, &blobs[opened], &out[opened], err)) == 0)
                opened++;
        if (ret < 0)
                while (opened--)
                        out[opened].release(out[opened].context);
        shared_release(shared);
        return ret;
}
