/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob in parts, which threads fetch while one more hashes them and the caller takes them, both in order.
 * Part N lies in slot N modulo SLOTS, so that no more than SLOTS of them are in memory. The first thread
 * begins alone: by its answer it is known whether the registry knows ranges; if not, it goes on to the end of
 * the blob as the only one.
 */
#include <errno.h>
#include "oci/registry_private.h"

#define THREADS 4
#define PART    (4 * MIB)
#define SLOTS   (REGISTRY_DOWNLOAD_MEMORY / PART)
#define STRETCH 4 /* parts that one request asks for: registries take a buffer of 4 MiB for each request */

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
        uint64_t next_part;    /* where the next thread that is free begins */
        uint64_t taken;        /* parts that the caller is done with */
        uint64_t handed;       /* parts that were handed out; the last may still be in use */
        uint64_t hashed;       /* parts that have been hashed */
        uint64_t whole[SLOTS]; /* 1 + the part that the slot has all of; 0: none yet */
        bool closing;          /* nobody wants the rest */
        int failure;           /* of a thread; the rest ends */
        struct error error;    /* of that failure */
        pthread_t threads[THREADS + 1];
        unsigned thread_count;
};

static uint64_t part_end(const struct registry_download *download, uint64_t part)
{
        uint64_t end = (part + 1) * PART;

        return end < download->blob.size ? end : download->blob.size;
}

/* --- threads ------------------------------------------------------------------------------------------- */

static bool part_is_whole(const struct registry_download *download, uint64_t part)
{
        return download->whole[part % SLOTS] == part + 1;
}

static bool is_over(const struct registry_download *download)
{
        return download->closing || download->failure;
}

/* Waits, with the lock held, until there is a slot for the part. False: it is over. */
static bool slot_wait(struct registry_download *download, uint64_t part)
{
        while (!is_over(download) && (part >= download->taken + SLOTS || part >= download->hashed + SLOTS))
                pthread_cond_wait(&download->changed, &download->lock);
        return !is_over(download);
}

static bool download_is_over(void *context)
{
        struct registry_download *download = context;
        bool over;

        pthread_mutex_lock(&download->lock);
        over = is_over(download);
        pthread_mutex_unlock(&download->lock);
        return over;
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
                download->whole[part % SLOTS] = part + 1;
                pthread_cond_broadcast(&download->changed);
                pthread_mutex_unlock(&download->lock);
        }
        return 0;
}

/* The next part that a thread can begin a stretch with; false: there is none left for it. With the lock held.
 */
static bool part_take(struct registry_download *download, uint64_t *part)
{
        while (download->ranges == RANGES_UNKNOWN && download->next_part > 0 && !is_over(download))
                pthread_cond_wait(&download->changed, &download->lock);
        if (download->ranges == RANGES_NONE || download->next_part >= download->parts)
                return false;
        *part = download->next_part;
        download->next_part += STRETCH;
        return slot_wait(download, *part);
}

/* The first failure is the one that is told. With the lock held. */
static void fail(struct registry_download *download, int ret, const struct error *error)
{
        if (!is_over(download)) {
                download->failure = ret;
                download->error = *error;
        }
        pthread_cond_broadcast(&download->changed);
}

static void fetch_stretch(struct registry_download *download, uint64_t first)
{
        struct span span = {.at = first * PART,
                            .end = part_end(download, first + STRETCH - 1),
                            .take = take_part,
                            .began = learn_ranges,
                            .is_over = download_is_over,
                            .context = download};
        struct error error = {0};
        int ret = registry_span_fetch(download->registry, &download->blob, &span, &error);

        if (ret == 0)
                return;
        pthread_mutex_lock(&download->lock);
        fail(download, ret, &error);
        pthread_mutex_unlock(&download->lock);
}

static struct slice part_bytes(const struct registry_download *download, uint64_t part)
{
        return (struct slice){download->slots + part % SLOTS * PART,
                              (size_t)(part_end(download, part) - part * PART)};
}

static void *hash_main(void *argument)
{
        struct registry_download *download = argument;
        struct error error = {0};

        pthread_mutex_lock(&download->lock);
        while (download->hashed < download->parts && !is_over(download)) {
                struct slice bytes = part_bytes(download, download->hashed);
                int ret;

                if (!part_is_whole(download, download->hashed)) {
                        pthread_cond_wait(&download->changed, &download->lock);
                        continue;
                }
                pthread_mutex_unlock(&download->lock);
                ret = sha256_update(download->sha256, bytes.data, bytes.size);
                pthread_mutex_lock(&download->lock);
                if (ret < 0)
                        fail(download, error_set(&error, &ERROR_INTERNAL, -EIO, "SHA-256 failed"), &error);
                download->hashed++;
                pthread_cond_broadcast(&download->changed);
        }
        pthread_mutex_unlock(&download->lock);
        return NULL;
}

static void *fetch_main(void *argument)
{
        struct registry_download *download = argument;
        uint64_t part;

        pthread_mutex_lock(&download->lock);
        while (part_take(download, &part)) {
                pthread_mutex_unlock(&download->lock);
                fetch_stretch(download, part);
                pthread_mutex_lock(&download->lock);
        }
        pthread_mutex_unlock(&download->lock);
        return NULL;
}

/* --- the caller ---------------------------------------------------------------------------------------- */

static int thread_start(struct registry_download *download, void *(*run)(void *), struct error *err)
{
        int ret = pthread_create(&download->threads[download->thread_count], NULL, run, download);

        if (ret)
                return error_errno(err, ret, "start a thread for a download");
        download->thread_count++;
        return 0;
}

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
        ret = thread_start(download, hash_main, err);
        for (uint64_t i = 0; ret == 0 && i < THREADS && i < download->parts; i++)
                ret = thread_start(download, fetch_main, err);
        if (ret < 0)
                return ret;
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

/* Waits, with the lock held, until the next part is whole or, behind the last one, everything is hashed. */
static int wait_for_part(struct registry_download *download, uint64_t part)
{
        bool is_end = part == download->parts;

        while (!download->failure &&
               !(is_end ? download->hashed == download->parts : part_is_whole(download, part)))
                pthread_cond_wait(&download->changed, &download->lock);
        return !is_end && part_is_whole(download, part) ? 0 : download->failure;
}

int registry_download_next(struct registry_download *download, struct slice *chunk, struct error *err)
{
        uint64_t part = download->handed;
        int failure;

        pthread_mutex_lock(&download->lock);
        if (download->taken < part) {
                download->taken = part;
                pthread_cond_broadcast(&download->changed);
        }
        failure = wait_for_part(download, part);
        pthread_mutex_unlock(&download->lock);
        if (failure) {
                if (err)
                        *err = download->error;
                return failure;
        }
        if (part == download->parts)
                return digest_check(download, err);
        *chunk = part_bytes(download, part);
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
