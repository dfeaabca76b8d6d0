/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer.h"

#include <errno.h>
#include <pthread.h>
#include "archive/tar.h"
#include "base/secret_memory.h"
#include "oci/layer_cipher.h"
#include "oci/layer_reader.h"

/* Bytes in one compressed frame: small enough that many are in work at once within little memory. */
#define FRAME_SIZE (1 * MIB)
#define FRAMES_MAX 8

/* Handing less to another thread costs more than it saves. */
#define HANDOVER_MIN (64 * KIB)

/* What is encrypted at once: it stays in the processor's cache. */
#define SCRATCH_SIZE (128 * KIB)

struct frame {
        struct layer_writer *layer;
        struct buffer in, out;
        bool done;
        int ret;
        struct error error;
};

struct layer_writer {
        struct target_blob *blob;
        struct image_options options;
        struct sha256_stream *diff_id,
                *digest; /* before and after compression; `digest` only when compressed */

        /* Encrypted: */
        struct secret_memory key; /* a struct ctr_hmac_key */
        struct ctr_hmac *cipher;
        struct sha256_stream *encrypted;
        uint8_t *scratch;

        pthread_mutex_t lock;
        pthread_cond_t changed;

        /* Uncompressed: the writing thread and what it is to write. */
        pthread_t thread;
        bool started, stop, pending;
        struct slice bytes;
        int ret;
        struct error error;

        /* Compressed: a ring of frames in the order of the stream. */
        struct pool *pool;
        struct frame *frames;
        unsigned frame_count;
        unsigned long filled, written;
};

static int hash(struct sha256_stream *stream, struct slice bytes, struct error *err)
{
        if (sha256_update(stream, bytes.data, bytes.size) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        return 0;
}

/* A copy of what was handed to us, encrypted. */
static int write_encrypted(struct layer_writer *layer, struct slice bytes, struct error *err)
{
        int ret = 0;

        while (ret == 0 && bytes.size) {
                struct slice part;

                slice_take(&bytes, bytes.size < SCRATCH_SIZE ? bytes.size : SCRATCH_SIZE, &part);
                memcpy(layer->scratch, part.data, part.size);
                if (ctr_hmac_encrypt(layer->cipher, layer->scratch, part.size) < 0)
                        return error_set(err, &ERROR_INTERNAL, -EIO, "AES failed");
                part.data = layer->scratch;
                ret = hash(layer->encrypted, part, err);
                if (ret == 0)
                        ret = target_blob_append(layer->blob, part, err);
        }
        return ret;
}

/* What the blob is made of. From one thread at a time, in the order of the stream. */
static int write_out(struct layer_writer *layer, struct slice bytes, struct error *err)
{
        return layer->cipher ? write_encrypted(layer, bytes, err)
                             : target_blob_append(layer->blob, bytes, err);
}

static void *writer_main(void *argument)
{
        struct layer_writer *layer = argument;

        pthread_mutex_lock(&layer->lock);
        for (;;) {
                int ret;

                while (!layer->pending && !layer->stop)
                        pthread_cond_wait(&layer->changed, &layer->lock);
                if (!layer->pending)
                        break;
                pthread_mutex_unlock(&layer->lock);
                ret = write_out(layer, layer->bytes, &layer->error);
                pthread_mutex_lock(&layer->lock);
                layer->ret = ret;
                layer->pending = false;
                pthread_cond_signal(&layer->changed);
        }
        pthread_mutex_unlock(&layer->lock);
        return NULL;
}

static int open_compressed(struct layer_writer *layer, struct error *err)
{
        layer->frame_count = pool_threads(layer->pool) + 2;
        if (layer->frame_count > FRAMES_MAX)
                layer->frame_count = FRAMES_MAX;
        layer->frames = calloc(layer->frame_count, sizeof(*layer->frames));
        if (!layer->frames)
                return error_oom(err);
        for (unsigned i = 0; i < layer->frame_count; i++)
                layer->frames[i].layer = layer;
        return sha256_new(&layer->digest, err);
}

static int open_encrypted(struct layer_writer *layer, struct error *err)
{
        int ret = secret_memory_new(sizeof(struct ctr_hmac_key), &layer->key, err);

        if (ret == 0)
                ret = layer_key_new((void *)layer->key.data, err);
        if (ret == 0)
                ret = ctr_hmac_new((void *)layer->key.data, &layer->cipher, err);
        if (ret == 0)
                ret = sha256_new(&layer->encrypted, err);
        if (ret < 0)
                return ret;
        layer->scratch = malloc(SCRATCH_SIZE);
        return layer->scratch ? 0 : error_oom(err);
}

int layer_writer_open(struct target *target, const struct image_options *options, struct pool *pool,
                      bool large, struct layer_writer **out, struct error *err)
{
        _cleanup_layer_writer_ struct layer_writer *layer = calloc(1, sizeof(*layer));
        int ret;

        if (!layer)
                return error_oom(err);
        pthread_mutex_init(&layer->lock, NULL);
        pthread_cond_init(&layer->changed, NULL);
        layer->options = *options;
        layer->pool = pool;
        ret = sha256_new(&layer->diff_id, err);
        if (ret == 0)
                ret = target_blob_open(target, large, &layer->blob, err);
        if (ret == 0 && options->recipients)
                ret = open_encrypted(layer, err);
        if (ret < 0)
                return ret;
        if (options->compression != COMPRESSION_NONE) {
                ret = open_compressed(layer, err);
                if (ret < 0)
                        return ret;
        } else {
                ret = pthread_create(&layer->thread, NULL, writer_main, layer);
                if (ret)
                        return error_errno(err, ret, "cannot start a thread");
                layer->started = true;
        }
        *out = steal_ptr(layer);
        return 0;
}

static void wait_for_frame(struct layer_writer *layer, const struct frame *frame)
{
        pthread_mutex_lock(&layer->lock);
        while (!frame->done)
                pthread_cond_wait(&layer->changed, &layer->lock);
        pthread_mutex_unlock(&layer->lock);
}

void layer_writer_free(struct layer_writer *layer)
{
        if (!layer)
                return;
        pthread_mutex_lock(&layer->lock);
        layer->stop = true;
        pthread_cond_signal(&layer->changed);
        pthread_mutex_unlock(&layer->lock);
        if (layer->started)
                pthread_join(layer->thread, NULL);
        for (; layer->written < layer->filled; layer->written++)
                wait_for_frame(layer, &layer->frames[layer->written % layer->frame_count]);
        for (unsigned i = 0; i < layer->frame_count; i++) {
                buffer_free(&layer->frames[i].in);
                buffer_free(&layer->frames[i].out);
        }
        free(layer->frames);
        sha256_free(layer->diff_id);
        sha256_free(layer->digest);
        sha256_free(layer->encrypted);
        ctr_hmac_free(layer->cipher);
        secret_memory_free(&layer->key);
        free(layer->scratch);
        target_blob_free(layer->blob);
        pthread_mutex_destroy(&layer->lock);
        pthread_cond_destroy(&layer->changed);
        free(layer);
}

/* Hashes and writes the same bytes at the same time. */
static int append_plain(struct layer_writer *layer, struct slice bytes, struct error *err)
{
        int ret;

        if (bytes.size < HANDOVER_MIN) {
                ret = hash(layer->diff_id, bytes, err);
                return ret < 0 ? ret : write_out(layer, bytes, err);
        }
        pthread_mutex_lock(&layer->lock);
        layer->bytes = bytes;
        layer->pending = true;
        pthread_cond_signal(&layer->changed);
        pthread_mutex_unlock(&layer->lock);
        ret = hash(layer->diff_id, bytes, err);
        pthread_mutex_lock(&layer->lock);
        while (layer->pending)
                pthread_cond_wait(&layer->changed, &layer->lock);
        pthread_mutex_unlock(&layer->lock);
        if (ret == 0 && layer->ret < 0) {
                ret = layer->ret;
                if (err)
                        *err = layer->error;
        }
        return ret;
}

static void compress_job(void *argument)
{
        struct frame *frame = argument;
        struct layer_writer *layer = frame->layer;
        int ret = frame_compress(layer->options.compression, layer->options.level, buffer_slice(&frame->in),
                                 &frame->out, &frame->error);

        pthread_mutex_lock(&layer->lock);
        frame->ret = ret;
        frame->done = true;
        pthread_cond_signal(&layer->changed);
        pthread_mutex_unlock(&layer->lock);
}

/* Writes the frame that comes next in the stream, when it is compressed. */
static int write_oldest(struct layer_writer *layer, struct error *err)
{
        struct frame *frame = &layer->frames[layer->written % layer->frame_count];
        int ret;

        wait_for_frame(layer, frame);
        layer->written++;
        if (frame->ret < 0) {
                if (err)
                        *err = frame->error;
                return frame->ret;
        }
        ret = hash(layer->digest, buffer_slice(&frame->out), err);
        return ret < 0 ? ret : write_out(layer, buffer_slice(&frame->out), err);
}

static struct frame *current_frame(struct layer_writer *layer)
{
        return &layer->frames[layer->filled % layer->frame_count];
}

static int submit_frame(struct layer_writer *layer, struct error *err)
{
        struct frame *frame = current_frame(layer);

        frame->done = false;
        frame->out.size = 0;
        layer->filled++;
        pool_submit(layer->pool, compress_job, frame);
        if (layer->filled - layer->written == layer->frame_count) {
                int ret = write_oldest(layer, err);

                if (ret < 0)
                        return ret;
        }
        current_frame(layer)->in.size = 0;
        return 0;
}

static int append_compressed(struct layer_writer *layer, struct slice bytes, struct error *err)
{
        int ret = hash(layer->diff_id, bytes, err);

        while (ret == 0 && bytes.size) {
                struct buffer *in = &current_frame(layer)->in;
                size_t room = FRAME_SIZE - in->size;
                struct slice part;

                slice_take(&bytes, bytes.size < room ? bytes.size : room, &part);
                if (buffer_append(in, part.data, part.size) < 0)
                        return error_oom(err);
                if (in->size == FRAME_SIZE)
                        ret = submit_frame(layer, err);
        }
        return ret;
}

int layer_writer_append(struct layer_writer *layer, struct slice bytes, struct error *err)
{
        if (layer->frames)
                return append_compressed(layer, bytes, err);
        return append_plain(layer, bytes, err);
}

static int finish_compressed(struct layer_writer *layer, struct sha256 *digest, struct error *err)
{
        int ret = current_frame(layer)->in.size ? submit_frame(layer, err) : 0;

        while (ret == 0 && layer->written < layer->filled)
                ret = write_oldest(layer, err);
        if (ret == 0 && sha256_finish(layer->digest, digest) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        return ret;
}

/* `digest` is that of the plain blob, and becomes that of the encrypted one. */
static int finish_encrypted(struct layer_writer *layer, struct sha256 *digest, struct image_layer *out,
                            struct error *err)
{
        struct ctr_hmac_key *key = (void *)layer->key.data;
        _cleanup_buffer_ struct buffer annotations = {0};
        int ret;

        if (ctr_hmac_finish(layer->cipher, key->mac) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "HMAC failed");
        ret = layer_key_annotate(key, digest, layer->options.recipients, &annotations, err);
        if (ret < 0)
                return ret;
        out->encryption = (char *)annotations.data;
        annotations = (struct buffer){0};
        return sha256_finish(layer->encrypted, digest) < 0
                       ? error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed")
                       : 0;
}

int layer_writer_finish(struct layer_writer *layer, struct image_layer *out, struct error *err)
{
        static const uint8_t zeros[LAYER_END_SIZE];
        struct sha256 digest;
        int ret = layer_writer_append(layer, (struct slice){zeros, sizeof(zeros)}, err);

        if (ret < 0)
                return ret;
        if (sha256_finish(layer->diff_id, &out->diff_id) < 0)
                return error_set(err, &ERROR_INTERNAL, -EIO, "SHA-256 failed");
        digest = out->diff_id;
        out->compression = layer->options.compression;
        if (layer->frames) {
                ret = finish_compressed(layer, &digest, err);
                if (ret < 0)
                        return ret;
        }
        if (layer->cipher && (ret = finish_encrypted(layer, &digest, out, err)) < 0)
                return ret;
        return target_blob_commit(layer->blob, &digest, &out->blob, err);
}
