/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layers.h"

#include <errno.h>
#include <pthread.h>
#include "oci/layer_reader.h"
#include "oci/translate.h"

/* Workers that compress; more would be faster than any disk, and each has frames in memory. */
#define COMPRESSORS_MAX 6

/* Layers at the same time: each has what is on its way in memory (REGISTRY_UPLOAD_MEMORY). */
#define WORKERS_MAX 3

#define ATTEMPTS_MAX 3

struct layers {
        struct archive *archive;
        struct layer_plan *plan;
        struct target *target;
        const struct image_options *options;
        const struct progress *progress;
        struct pool *pool; /* NULL: nothing is compressed */
        struct layer_writer *writers[LAYERS_MAX];
        struct image_layer *out;
        bool *ready;

        unsigned open_pages; /* one pass: the layer of pages that is being written; 0: none */

        /* At the same time: */
        uint64_t done;
        pthread_mutex_t lock;
        unsigned next; /* layer that nobody works at yet */
        int ret;       /* the first failure */
        struct error error;
};

static int open_layer(struct layers *layers, unsigned layer, struct error *err)
{
        /* Without memory pages, layer 0 is all there is; but that must be known. */
        bool large = layer > 0 || (layers->plan->count == 1 && !archive_is_unread(layers->archive));

        return layer_writer_open(layers->target, layers->options, layers->pool, large,
                                 &layers->writers[layer], err);
}

static int finish_layer(struct layers *layers, unsigned layer, struct error *err)
{
        int ret = layer_writer_finish(layers->writers[layer], &layers->out[layer], err);

        layer_writer_free(layers->writers[layer]);
        layers->writers[layer] = NULL;
        layers->ready[layer] = ret == 0;
        return ret;
}

/* --- one pass ----------------------------------------------------------------------------------------------
 */

/* Layers of pages follow one another, so at most one is open beside layer 0. */
static int end_pages(struct layers *layers, struct error *err)
{
        unsigned layer = layers->open_pages;

        layers->open_pages = 0;
        return layer ? finish_layer(layers, layer, err) : 0;
}

static int begin_pages(struct layers *layers, unsigned layer, struct error *err)
{
        int ret = end_pages(layers, err);

        if (ret == 0)
                ret = open_layer(layers, layer, err);
        layers->open_pages = ret == 0 ? layer : 0;
        return ret;
}

static int take(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct layers *layers = context;
        struct layer_plan *plan = layers->plan;
        size_t index = member ? (size_t)(member - archive_at(layers->archive, 0)) : SIZE_MAX;
        unsigned layer;
        int ret = 0;

        if (!member)
                return 0;
        if (index == plan->members)
                ret = layer_plan_add(plan, layers->archive, member, err);
        if (ret < 0)
                return ret;
        layer = plan->layer_of[index];
        if (layer == LAYER_NONE || layers->ready[layer])
                return 0;
        if (layer && layer != layers->open_pages)
                ret = begin_pages(layers, layer, err);
        return ret == 0 ? layer_writer_append(layers->writers[layer], raw, err) : ret;
}

/* What each engine writes in its own way is made of what the archive has, and needs that once more. */
static bool keeps(void *context, const struct archive_member *member)
{
        const struct layers *layers = context;

        return layers->plan->common && translation_has_member(member->name);
}

/* Layer 0 ends last: in an archive of a layout it is written behind the others. */
static int build_in_one_pass(struct layers *layers, struct error *err)
{
        const struct archive_visitor visitor = {.bytes = take,
                                                .keeps = keeps,
                                                .context = layers,
                                                .progress = layers->progress,
                                                .phase = "build"};
        int ret = layers->ready[0] ? 0 : open_layer(layers, 0, err);

        if (ret == 0)
                ret = archive_visit(layers->archive, &visitor, err);
        if (ret == 0)
                ret = end_pages(layers, err);
        return ret < 0 || layers->ready[0] ? ret : finish_layer(layers, 0, err);
}

/* --- at the same time --------------------------------------------------------------------------------------
 */

static int advance(struct layers *layers, uint64_t size, struct error *err)
{
        if (progress_cancelled(layers->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "building the image was cancelled");
        layers->done += size;
        progress_step(layers->progress, "build", layers->done, layers->plan->total);
        return 0;
}

static int copy_layer(struct layers *layers, unsigned layer, struct error *err)
{
        _cleanup_layer_reader_ struct layer_reader *reader = NULL;
        struct slice bytes;
        int ret = layer_reader_open(layers->archive, layers->plan, layer, 0, &reader, err);

        while (ret >= 0 && (ret = layer_reader_next(reader, &bytes, err)) > 0) {
                ret = layer_writer_append(layers->writers[layer], bytes, err);
                if (ret < 0)
                        break;
                pthread_mutex_lock(&layers->lock);
                ret = layers->ret < 0 ? -ECANCELED : advance(layers, bytes.size, err);
                pthread_mutex_unlock(&layers->lock);
        }
        return ret;
}

static int build_layer_once(struct layers *layers, unsigned layer, struct error *err)
{
        int ret = open_layer(layers, layer, err);

        if (ret == 0)
                ret = copy_layer(layers, layer, err);
        return ret < 0 ? ret : finish_layer(layers, layer, err);
}

/* A registry may forget an upload when a connection breaks, and then more than is still in memory. */
static int build_layer(struct layers *layers, unsigned layer, struct error *err)
{
        int ret = -ESTALE;

        for (int attempt = 0; attempt < ATTEMPTS_MAX && ret == -ESTALE; attempt++) {
                layer_writer_free(layers->writers[layer]);
                layers->writers[layer] = NULL;
                ret = build_layer_once(layers, layer, err);
        }
        return ret;
}

static bool next_layer(struct layers *layers, unsigned *layer)
{
        bool more;

        pthread_mutex_lock(&layers->lock);
        while (layers->next < layers->plan->count && layers->ready[layers->next])
                layers->next++;
        more = layers->ret == 0 && layers->next < layers->plan->count;
        *layer = layers->next;
        layers->next += more;
        pthread_mutex_unlock(&layers->lock);
        return more;
}

static void *worker_main(void *argument)
{
        struct layers *layers = argument;
        struct error error = {0};
        unsigned layer;

        while (next_layer(layers, &layer)) {
                int ret = build_layer(layers, layer, &error);

                if (ret == 0)
                        continue;
                pthread_mutex_lock(&layers->lock);
                if (layers->ret == 0) {
                        layers->ret = ret;
                        layers->error = error;
                }
                pthread_mutex_unlock(&layers->lock);
        }
        return NULL;
}

static int build_at_once(struct layers *layers, struct error *err)
{
        unsigned processors = pool_processors(), count = processors < 2 ? 2 : processors, started = 0;
        pthread_t threads[WORKERS_MAX];

        if (count > layers->plan->count)
                count = layers->plan->count;
        if (count > WORKERS_MAX)
                count = WORKERS_MAX;
        for (; started + 1 < count; started++)
                if (pthread_create(&threads[started], NULL, worker_main, layers) != 0)
                        break;
        worker_main(layers);
        for (unsigned i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
        if (layers->ret < 0 && err)
                *err = layers->error;
        return layers->ret;
}

int layers_build(struct archive *archive, struct layer_plan *plan, struct target *target,
                 const struct image_options *options, const struct progress *progress,
                 struct image_layer out[LAYERS_MAX], bool ready[LAYERS_MAX], struct error *err)
{
        _cleanup_pool_ struct pool *pool = NULL;
        struct layers layers = {.archive = archive,
                                .plan = plan,
                                .target = target,
                                .options = options,
                                .progress = progress,
                                .out = out,
                                .ready = ready,
                                .lock = PTHREAD_MUTEX_INITIALIZER};
        unsigned missing = 0;
        int ret;

        for (unsigned i = 0; i < plan->count; i++)
                missing += !ready[i];
        if (!missing && !archive_is_unread(archive))
                return 0;
        if (options->compression != COMPRESSION_NONE) {
                ret = pool_new(0, COMPRESSORS_MAX, &pool, err);
                if (ret < 0)
                        return ret;
                layers.pool = pool;
        }
        ret = target_is_parallel(target) && archive_is_seekable(archive) ? build_at_once(&layers, err)
                                                                         : build_in_one_pass(&layers, err);
        /* Their frames are with the workers: first the layers go, then the pool. */
        for (unsigned i = 0; i < LAYERS_MAX; i++)
                layer_writer_free(layers.writers[i]);
        return ret;
}
