/* SPDX-License-Identifier: Apache-2.0 */
#include "node/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"
#include "node/fetch_request.h"
#include "node/node_private.h"
#include "node/peer_archive.h"
#include "oci/image_plan.h"
#include "oci/layer_reader.h"
#include "oci/layout_index.h"

/* Layers at the same time: as many as have a chunk of the archive each without taking it from another. */
#define WORKERS_MAX  3
#define WORKER_STACK (1 * MIB)
#define SECOND_US    1000000

enum layer_state { LAYER_THERE, LAYER_WANTED, LAYER_COMING, LAYER_HERE };

struct layer {
        enum layer_state state;
        unsigned attempt;            /* that the state is of */
        struct store_upload *upload; /* WANTED and COMING; of the worker that has it in hand */
        uint64_t available;          /* bytes that may be given out */
        uint64_t claimed;            /* set aside on the disk and not written yet */
};

struct delivery {
        struct delivery_options options;
        char *id, *repository;
        struct archive *archive;
        struct peer *peer; /* lives as long as the archive */
        struct image_plan plan;
        struct sha256 config, manifest; /* digests */
        unsigned patience, workers_max;

        pthread_mutex_t lock; /* of all below */
        pthread_cond_t changed;
        unsigned holders, workers;
        struct layer layers[LAYERS_MAX];
        uint64_t used_us;
        int failed; /* of the first failure that does not pass */
        struct error failure;
};

/* --- from open to free ------------------------------------------------------------------------------------
 */

static void destroy(struct delivery *delivery)
{
        archive_free(delivery->archive);
        image_plan_free(&delivery->plan);
        pthread_cond_destroy(&delivery->changed);
        pthread_mutex_destroy(&delivery->lock);
        free(delivery->id);
        free(delivery->repository);
        free(delivery);
}

struct delivery *delivery_hold(struct delivery *delivery)
{
        pthread_mutex_lock(&delivery->lock);
        delivery->holders++;
        pthread_mutex_unlock(&delivery->lock);
        return delivery;
}

void delivery_free(struct delivery *delivery)
{
        unsigned holders;

        if (!delivery)
                return;
        pthread_mutex_lock(&delivery->lock);
        holders = --delivery->holders;
        pthread_mutex_unlock(&delivery->lock);
        if (!holders)
                destroy(delivery);
}

static int open_archive(struct delivery *delivery, struct error *err)
{
        yyjson_val *request = delivery->options.request;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        _cleanup_peer_ struct peer *peer = NULL;
        char chunks[CHUNKS_TEXT_SIZE];
        struct peer_options options;
        int ret;

        fetch_request_peer(node_options(delivery->options.node), request, delivery->options.progress,
                           &options);
        delivery->patience = fetch_request_patience(request);
        ret = peer_open(&options, &peer, err);
        if (ret == 0)
                ret = peer_chunks(peer, &checkpoint, &list, err);
        if (ret == 0)
                ret = fetch_request_bind(request, checkpoint, &list, chunks, err);
        if (ret < 0)
                return ret;
        /* Of larger chunks fewer are kept. */
        delivery->workers_max = list.chunk_size == CHUNK_SIZE_MIN ? WORKERS_MAX : 1;
        delivery->peer = peer;
        return peer_archive_open(steal_ptr(peer), steal_ptr(checkpoint), &list, &delivery->archive, err);
}

static int learn_layers(struct delivery *delivery, struct error *err)
{
        struct sha256 digests[LAYERS_MAX];
        int ret = image_plan_make(delivery->archive, &delivery->plan, err);

        if (ret == 0)
                ret = peer_layers(delivery->peer, digests, delivery->plan.members.count, err);
        for (unsigned i = 0; i < delivery->plan.members.count && ret == 0; i++)
                image_plan_set_digest(&delivery->plan, i, &digests[i]);
        if (ret == 0)
                ret = image_plan_describe(delivery->archive, &delivery->plan, err);
        return ret < 0 ? ret : sha256_of(buffer_slice(&delivery->plan.manifest), &delivery->manifest, err);
}

static int begin_upload(struct delivery *delivery, struct store_upload **out, struct error *err)
{
        char id[UNIQUE_ID_SIZE];
        int ret = store_upload_begin(delivery->options.store, delivery->repository, id, err);

        return ret < 0 ? ret : store_upload_open(delivery->options.store, delivery->repository, id, out, err);
}

static int store_config(struct delivery *delivery, struct error *err)
{
        _cleanup_store_upload_ struct store_upload *upload = NULL;
        int ret = sha256_of(buffer_slice(&delivery->plan.config), &delivery->config, err);

        if (ret == 0)
                ret = begin_upload(delivery, &upload, err);
        if (ret == 0)
                ret = store_upload_append(upload, buffer_slice(&delivery->plan.config), err);
        return ret < 0 ? ret : store_upload_commit(upload, &delivery->config, err);
}

/* Opening a blob says that somebody relies on it. */
static bool touch(const struct delivery *delivery, const struct sha256 *digest)
{
        struct store_blob blob;

        if (store_blob_open(delivery->options.store, delivery->repository, digest, &blob, NULL) < 0)
                return false;
        close(blob.fd);
        return true;
}

/* Of an earlier delivery that did not come to its end. */
static void find_layers(struct delivery *delivery)
{
        for (unsigned i = 0; i < delivery->plan.members.count; i++)
                if (touch(delivery, &delivery->plan.layers[i].blob.digest))
                        delivery->layers[i].state = LAYER_HERE;
}

/* Holds the lock, but where nobody else knows of the delivery yet. */
static bool is_complete(const struct delivery *delivery)
{
        unsigned i = 0;

        while (i < delivery->plan.members.count && delivery->layers[i].state == LAYER_HERE)
                i++;
        return i == delivery->plan.members.count;
}

/* Puts the manifest into the store: all that it refers to is there. */
static int complete(struct delivery *delivery, struct error *err)
{
        const struct store_manifest_put put = {
                .name = delivery->repository,
                .reference = delivery->options.tag,
                .media_type = MEDIA_MANIFEST,
                .text = buffer_slice(&delivery->plan.manifest),
        };
        struct sha256 digest, subject;
        bool has_subject;
        int ret = store_manifest_put(delivery->options.store, &put, &digest, &has_subject, &subject, err);

        if (ret < 0)
                return ret;
        peer_end(delivery->peer);
        delivery->options.complete(delivery->options.context, delivery->id);
        return 0;
}

int delivery_open(const struct delivery_options *options, struct delivery **out, struct error *err)
{
        _cleanup_delivery_ struct delivery *delivery = calloc(1, sizeof(*delivery));
        int ret;

        if (!delivery)
                return error_oom(err);
        delivery->options = *options;
        delivery->holders = 1;
        delivery->used_us = clock_monotonic_us();
        pthread_mutex_init(&delivery->lock, NULL);
        pthread_cond_init(&delivery->changed, NULL);
        delivery->id = strdup(json_text(options->request, "id"));
        delivery->repository = strdup(options->repository);
        if (!delivery->id || !delivery->repository)
                return error_oom(err);
        ret = open_archive(delivery, err);
        if (ret == 0)
                ret = learn_layers(delivery, err);
        delivery->options.request = NULL; /* the caller's */
        if (ret == 0)
                ret = store_config(delivery, err);
        if (ret < 0)
                return ret;
        find_layers(delivery);
        if (is_complete(delivery))
                ret = complete(delivery, err);
        if (ret == 0)
                *out = steal_ptr(delivery);
        return ret;
}

/* --- a layer comes ----------------------------------------------------------------------------------------
 */

static int append(struct delivery *delivery, struct layer *layer, struct slice bytes, struct error *err)
{
        int ret = store_upload_append(layer->upload, bytes, err);
        uint64_t claimed = bytes.size < layer->claimed ? bytes.size : layer->claimed;

        if (ret < 0)
                return ret;
        layer->claimed -= claimed;
        node_release_space(delivery->options.node, claimed);
        pthread_mutex_lock(&delivery->lock);
        layer->available += bytes.size;
        delivery->used_us = clock_monotonic_us();
        pthread_cond_broadcast(&delivery->changed);
        pthread_mutex_unlock(&delivery->lock);
        return 0;
}

/* Behind what came before the line broke. */
static int fetch_rest(struct delivery *delivery, unsigned index, struct error *err)
{
        static const uint8_t end[LAYER_END_SIZE];
        struct layer *layer = &delivery->layers[index];
        _cleanup_layer_reader_ struct layer_reader *reader = NULL;
        struct slice bytes;
        int ret = layer_reader_open(delivery->archive, &delivery->plan.members, index,
                                    store_upload_size(layer->upload), &reader, err);

        while (ret >= 0 && (ret = layer_reader_next(reader, &bytes, err)) > 0)
                ret = append(delivery, layer, bytes, err);
        return ret < 0 ? ret : append(delivery, layer, (struct slice){end, sizeof(end)}, err);
}

static bool is_patient(const struct delivery *delivery, uint64_t since)
{
        return clock_monotonic_us() - since < delivery->patience * (uint64_t)SECOND_US &&
               !progress_cancelled(delivery->options.progress);
}

static int fetch_layer(struct delivery *delivery, unsigned index, struct error *err)
{
        struct layer *layer = &delivery->layers[index];
        uint64_t moved = clock_monotonic_us(), size = 0;
        int ret;

        while ((ret = fetch_rest(delivery, index, err)) < 0 && peer_error_is_passing(ret, err)) {
                if (store_upload_size(layer->upload) > size)
                        moved = clock_monotonic_us();
                size = store_upload_size(layer->upload);
                if (!is_patient(delivery, moved))
                        return ret;
                sleep(1);
        }
        return ret < 0 ? ret
                       : store_upload_commit(layer->upload, &delivery->plan.layers[index].blob.digest, err);
}

/* Who reads it learns how it ended. Holds the lock. */
static void note_end(struct delivery *delivery, struct layer *layer, int ret, const struct error *why)
{
        store_upload_close(steal_ptr(layer->upload));
        if (ret == 0) {
                layer->state = LAYER_HERE;
        } else {
                layer->state = LAYER_THERE;
                layer->attempt++;
        }
        if (ret < 0 && delivery->failed == 0 && !peer_error_is_passing(ret, why) &&
            !progress_cancelled(delivery->options.progress)) {
                delivery->failed = ret;
                delivery->failure = *why;
        }
        pthread_cond_broadcast(&delivery->changed);
}

/* Takes the lock off meanwhile. */
static void work_at(struct delivery *delivery, unsigned index)
{
        struct layer *layer = &delivery->layers[index];
        struct error why = {0};
        int ret;

        layer->state = LAYER_COMING;
        pthread_mutex_unlock(&delivery->lock);
        ret = fetch_layer(delivery, index, &why);
        if (ret < 0)
                (void)store_upload_delete(layer->upload, NULL);
        node_release_space(delivery->options.node, layer->claimed);
        metrics_observe_layer(delivery->options.node->metrics, ret == 0, layer->available);
        pthread_mutex_lock(&delivery->lock);
        layer->claimed = 0;
        note_end(delivery, layer, ret, &why);
        if (ret < 0 || !is_complete(delivery))
                return;
        pthread_mutex_unlock(&delivery->lock);
        (void)complete(delivery, NULL); /* else the next delivery finds everything here and does it */
        pthread_mutex_lock(&delivery->lock);
}

/* LAYERS_MAX when there is none. Holds the lock. */
static unsigned next_wanted(const struct delivery *delivery)
{
        unsigned i = 0;

        while (i < LAYERS_MAX && delivery->layers[i].state != LAYER_WANTED)
                i++;
        return i;
}

static void *worker_main(void *argument)
{
        struct delivery *delivery = argument;
        unsigned index, holders;

        pthread_mutex_lock(&delivery->lock);
        while ((index = next_wanted(delivery)) < LAYERS_MAX)
                work_at(delivery, index);
        delivery->workers--;
        holders = --delivery->holders;
        pthread_cond_broadcast(&delivery->changed);
        pthread_mutex_unlock(&delivery->lock);
        if (!holders)
                destroy(delivery);
        return NULL;
}

/* Holds the lock. */
static int start_worker(struct delivery *delivery, struct error *err)
{
        pthread_attr_t attributes;
        pthread_t thread;
        int ret;

        if (delivery->workers >= delivery->workers_max)
                return 0;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, WORKER_STACK);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        ret = pthread_create(&thread, &attributes, worker_main, delivery);
        pthread_attr_destroy(&attributes);
        if (ret)
                return delivery->workers ? 0 : error_errno(err, ret, "cannot start a thread");
        delivery->workers++;
        delivery->holders++;
        return 0;
}

/* Holds the lock. */
static int want(struct delivery *delivery, unsigned index, struct error *err)
{
        struct layer *layer = &delivery->layers[index];
        uint64_t size = delivery->plan.layers[index].blob.size;
        int ret = node_claim_space(delivery->options.node, size, err);

        if (ret < 0)
                return ret;
        ret = begin_upload(delivery, &layer->upload, err);
        if (ret == 0) {
                layer->claimed = size;
                layer->available = 0;
                layer->state = LAYER_WANTED;
                ret = start_worker(delivery, err);
        }
        if (ret < 0) {
                node_release_space(delivery->options.node, size);
                store_upload_close(steal_ptr(layer->upload));
                layer->claimed = 0;
                layer->state = LAYER_THERE;
        }
        return ret;
}

/* --- a layer is read while it comes -----------------------------------------------------------------------
 */

struct reading {
        struct delivery *delivery;
        unsigned layer, attempt;
        int fd;
};

/* Bytes from `offset` on that may be given out, when there are some. The last one is held back until the
 * digest was right. */
static int wait_for(struct reading *reading, uint64_t offset, uint64_t *out)
{
        struct delivery *delivery = reading->delivery;
        const struct layer *layer = &delivery->layers[reading->layer];
        uint64_t size = delivery->plan.layers[reading->layer].blob.size, end = 0;
        bool is_whole, is_lost;

        pthread_mutex_lock(&delivery->lock);
        for (;;) {
                is_lost = layer->attempt != reading->attempt;
                is_whole = layer->state == LAYER_HERE;
                end = is_whole ? size : layer->available < size ? layer->available : size - 1;
                if (is_lost || is_whole || offset < end)
                        break;
                pthread_cond_wait(&delivery->changed, &delivery->lock);
        }
        pthread_mutex_unlock(&delivery->lock);
        *out = end - offset;
        return is_lost ? -EIO : 0;
}

static ssize_t reading_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct reading *reading = context;
        uint64_t available;
        ssize_t n;

        if (wait_for(reading, offset, &available) < 0)
                return -EIO;
        n = file_pread_full(reading->fd, data, size < available ? size : (size_t)available, offset);
        return n > 0 ? n : -EIO;
}

static void reading_free(void *context)
{
        struct reading *reading = context;

        close(reading->fd);
        delivery_free(reading->delivery);
        free(reading);
}

/* Holds the lock. */
static int begin_reading(struct delivery *delivery, unsigned index, struct response_source *out,
                         struct error *err)
{
        struct layer *layer = &delivery->layers[index];
        struct reading *reading = malloc(sizeof(*reading));
        int fd = reading ? fcntl(store_upload_fd(layer->upload), F_DUPFD_CLOEXEC, 0) : -1;

        if (fd < 0) {
                free(reading);
                return error_errno(err, reading ? errno : ENOMEM, "cannot read a layer that comes");
        }
        delivery->holders++;
        *reading = (struct reading){delivery, index, layer->attempt, fd};
        *out = (struct response_source){reading_read, reading_free, reading};
        return 1;
}

/* Holds the lock. */
static int read_layer(struct delivery *delivery, unsigned index, struct response_source *out,
                      struct error *err)
{
        int ret = 0;

        if (delivery->layers[index].state == LAYER_HERE)
                return 0;
        if (delivery->failed) {
                *err = delivery->failure;
                return delivery->failed;
        }
        if (delivery->layers[index].state == LAYER_THERE)
                ret = want(delivery, index, err);
        return ret < 0 ? ret : begin_reading(delivery, index, out, err);
}

int delivery_blob(struct delivery *delivery, const struct sha256 *digest, uint64_t *size,
                  struct response_source *out, struct error *err)
{
        unsigned i = 0, count = delivery->plan.members.count;
        int ret;

        while (i < count && !sha256_equal(&delivery->plan.layers[i].blob.digest, digest))
                i++;
        if (i == count)
                return -ENOENT;
        *size = delivery->plan.layers[i].blob.size;
        pthread_mutex_lock(&delivery->lock);
        delivery->used_us = clock_monotonic_us();
        ret = read_layer(delivery, i, out, err);
        pthread_mutex_unlock(&delivery->lock);
        return ret;
}

/* --- what is known of it ----------------------------------------------------------------------------------
 */

const char *delivery_id(const struct delivery *delivery)
{
        return delivery->id;
}

int delivery_manifest(struct delivery *delivery, const char *reference, struct buffer *text,
                      struct error *err)
{
        struct sha256 digest;
        int ret;

        if (strcmp(reference, delivery->options.tag) != 0 &&
            !(sha256_parse(reference, &digest) && sha256_equal(&digest, &delivery->manifest)))
                return -ENOENT;
        pthread_mutex_lock(&delivery->lock);
        delivery->used_us = clock_monotonic_us();
        ret = delivery->failed;
        if (ret < 0)
                *err = delivery->failure;
        pthread_mutex_unlock(&delivery->lock);
        if (ret == 0 && buffer_append(text, delivery->plan.manifest.data, delivery->plan.manifest.size) < 0)
                ret = error_oom(err);
        return ret;
}

void delivery_touch(struct delivery *delivery)
{
        (void)touch(delivery, &delivery->config);
        pthread_mutex_lock(&delivery->lock);
        for (unsigned i = 0; i < delivery->plan.members.count; i++)
                if (delivery->layers[i].state == LAYER_HERE)
                        (void)touch(delivery, &delivery->plan.layers[i].blob.digest);
        pthread_mutex_unlock(&delivery->lock);
}

bool delivery_is_over(struct delivery *delivery, unsigned idle_seconds)
{
        bool is_over;

        pthread_mutex_lock(&delivery->lock);
        is_over = !delivery->workers && (is_complete(delivery) || clock_monotonic_us() - delivery->used_us >=
                                                                          idle_seconds * (uint64_t)SECOND_US);
        pthread_mutex_unlock(&delivery->lock);
        return is_over;
}

void delivery_wait(struct delivery *delivery)
{
        pthread_mutex_lock(&delivery->lock);
        while (delivery->workers)
                pthread_cond_wait(&delivery->changed, &delivery->lock);
        pthread_mutex_unlock(&delivery->lock);
}
