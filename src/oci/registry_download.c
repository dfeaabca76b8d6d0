/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob in parts, which threads fetch while the caller takes them in order. Part N lies in slot N modulo
 * SLOTS, so that no more than SLOTS of them are in memory. The first thread begins alone: by its answer it is
 * known whether the registry knows ranges; if not, it goes on to the end of the blob as the only one.
 */
#include <errno.h>
#include "oci/registry_private.h"

#define THREADS 4
#define PART    (4 * MIB)
#define SLOTS   (REGISTRY_DOWNLOAD_MEMORY / PART)

enum ranges { RANGES_UNKNOWN, RANGES_KNOWN, RANGES_NONE };

struct registry_download {
        struct registry *registry;
        struct descriptor blob;
        struct sha256_stream *sha256;
        uint64_t parts;
        uint8_t *slots; /* SLOTS of PART bytes, or as many as the blob needs */

        pthread_mutex_t lock;
        pthread_cond_t changed;
        enum ranges ranges;
        uint64_t next_part;   /* to be fetched by the next thread that is free */
        uint64_t taken;       /* parts that the caller is done with */
        uint64_t handed;      /* parts that were handed out; the last may still be in use */
        bool complete[SLOTS]; /* the part in the slot is whole */
        bool closing;         /* nobody wants the rest */
        int failure;          /* of a thread; the rest ends */
        struct error error;   /* of that failure */
        pthread_t threads[THREADS];
        unsigned thread_count;
};

static uint64_t part_end(const struct registry_download *download, uint64_t part)
{
        uint64_t end = (part + 1) * PART;

        return end < download->blob.size ? end : download->blob.size;
}

/* --- threads ------------------------------------------------------------------------------------------- */

/* Waits, with the lock held, until there is a slot for the part. False: it is over. */
static bool slot_wait(struct registry_download *download, uint64_t part)
{
        while (!download->closing && !download->failure && part >= download->taken + SLOTS)
                pthread_cond_wait(&download->changed, &download->lock);
        return !download->closing && !download->failure;
}

static bool download_is_over(void *context)
{
        struct registry_download *download = context;
        bool is_over;

        pthread_mutex_lock(&download->lock);
        is_over = download->closing || download->failure;
        pthread_mutex_unlock(&download->lock);
        return is_over;
}

static void learn_ranges(struct span *span, bool has_ranges)
{
        struct registry_download *download = span->context;

        pthread_mutex_lock(&download->lock);
        if (download->ranges == RANGES_UNKNOWN) {
                download->ranges = has_ranges ? RANGES_KNOWN : RANGES_NONE;
                if (!has_ranges)
                        span->end = download->blob.size;
                pthread_cond_broadcast(&download->changed);
        }
        pthread_mutex_unlock(&download->lock);
}

/* Puts bytes where they belong; only one thread writes to a slot at a time. */
static int take_part(void *context, uint64_t at, struct slice bytes, struct error *err)
{
        struct registry_download *download = context;

        while (bytes.size) {
                uint64_t part = at / PART, end = part_end(download, part);
                struct slice piece;
                bool go_on;

                pthread_mutex_lock(&download->lock);
                go_on = slot_wait(download, part);
                pthread_mutex_unlock(&download->lock);
                if (!go_on)
                        return -ECANCELED;
                slice_take(&bytes, bytes.size < end - at ? bytes.size : (size_t)(end - at), &piece);
                memcpy(download->slots + part % SLOTS * PART + at % PART, piece.data, piece.size);
                at += piece.size;
                if (at < end)
                        continue;
                pthread_mutex_lock(&download->lock);
                download->complete[part % SLOTS] = true;
                pthread_cond_broadcast(&download->changed);
                pthread_mutex_unlock(&download->lock);
        }
        return 0;
}

/* The next part that a thread can begin with; false: there is none left for it. With the lock held. */
static bool part_take(struct registry_download *download, uint64_t *part)
{
        while (download->ranges == RANGES_UNKNOWN && download->next_part > 0 && !download->closing &&
               !download->failure)
                pthread_cond_wait(&download->changed, &download->lock);
        if (download->ranges == RANGES_NONE || download->next_part == download->parts)
                return false;
        *part = download->next_part++;
        return slot_wait(download, *part);
}

static void fetch_part(struct registry_download *download, uint64_t part)
{
        struct span span = {.at = part * PART,
                            .end = part_end(download, part),
                            .take = take_part,
                            .began = learn_ranges,
                            .is_over = download_is_over,
                            .context = download};
        struct error error = {0};
        int ret = registry_span_fetch(download->registry, &download->blob, &span, &error);

        if (ret == 0)
                return;
        pthread_mutex_lock(&download->lock);
        if (!download->failure && !download->closing) {
                download->failure = ret;
                download->error = error;
        }
        pthread_cond_broadcast(&download->changed);
        pthread_mutex_unlock(&download->lock);
}

static void *thread_main(void *argument)
{
        struct registry_download *download = argument;
        uint64_t part;

        pthread_mutex_lock(&download->lock);
        while (part_take(download, &part)) {
                pthread_mutex_unlock(&download->lock);
                fetch_part(download, part);
                pthread_mutex_lock(&download->lock);
        }
        pthread_mutex_unlock(&download->lock);
        return NULL;
}

/* --- the caller ---------------------------------------------------------------------------------------- */

int registry_download_open(struct registry *registry, const struct descriptor *blob,
                           struct registry_download **out, struct error *err)
{
        _cleanup_registry_download_ struct registry_download *download = calloc(1, sizeof(*download));
        int ret;

        if (!download)
                return error_oom(err);
        download->registry = registry;
        download->blob = *blob;
        download->parts = blob->size / PART + (blob->size % PART > 0);
        pthread_mutex_init(&download->lock, NULL);
        pthread_cond_init(&download->changed, NULL);
        ret = sha256_new(&download->sha256, err);
        if (ret < 0)
                return ret;
        download->slots = malloc((download->parts < SLOTS ? download->parts : SLOTS) * PART + 1);
        if (!download->slots)
                return error_oom(err);
        while (download->thread_count < THREADS && download->thread_count < download->parts) {
                ret = pthread_create(&download->threads[download->thread_count], NULL, thread_main, download);
                if (ret)
                        return error_errno(err, ret, "start a thread for a download");
                download->thread_count++;
        }
        *out = steal_ptr(download);
        return 0;
}

static int digest_check(struct registry_download *download, struct error *err)
{
        struct sha256 digest;

        if (sha256_finish(download->sha256, &digest) < 0)
                return error_oom(err);
        if (sha256_equal(&digest, &download->blob.digest))
                return 0;
        return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG, "a blob of `%s` differs from its digest",
                         download->registry->name);
}

int registry_download_next(struct registry_download *download, struct slice *chunk, struct error *err)
{
        uint64_t part = download->handed;
        size_t slot = part % SLOTS;
        int failure;

        pthread_mutex_lock(&download->lock);
        if (download->taken < part) {
                download->complete[(part - 1) % SLOTS] = false;
                download->taken = part;
                pthread_cond_broadcast(&download->changed);
        }
        while (part < download->parts && !download->complete[slot] && !download->failure)
                pthread_cond_wait(&download->changed, &download->lock);
        failure = part < download->parts && !download->complete[slot] ? download->failure : 0;
        pthread_mutex_unlock(&download->lock);
        if (failure) {
                if (err)
                        *err = download->error;
                return failure;
        }
        if (part == download->parts)
                return digest_check(download, err);
        *chunk = (struct slice){download->slots + slot * PART,
                                (size_t)(part_end(download, part) - part * PART)};
        if (sha256_update(download->sha256, chunk->data, chunk->size) < 0)
                return error_oom(err);
        download->handed++;
        return 1;
}

void registry_download_free(struct registry_download *download)
{
        if (!download)
                return;
        pthread_mutex_lock(&download->lock);
        download->closing = true;
        pthread_cond_broadcast(&download->changed);
        pthread_mutex_unlock(&download->lock);
        for (unsigned i = 0; i < download->thread_count; i++)
                pthread_join(download->threads[i], NULL);
        pthread_cond_destroy(&download->changed);
        pthread_mutex_destroy(&download->lock);
        sha256_free(download->sha256);
        free(download->slots);
        free(download);
}
