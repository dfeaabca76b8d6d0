/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upload as its caller sees it: bytes are gathered in chunks, which a thread sends while the next ones are
 * filled, in one long request where the registry takes such, else chunk by chunk. Chunk N lies in buffer N
 * modulo the number of buffers, and stays there until its buffer is needed again: when a connection breaks,
 * the registry has less than was sent, and the upload goes on from what is there.
 */
#include <errno.h>
#include "base/clock.h"
#include "oci/registry_session.h"

#define CHUNK        (2 * MIB)
#define BUFFERS      (REGISTRY_UPLOAD_MEMORY / CHUNK)
#define RESTARTS_MAX 4

/* What may have left us and not have come to the registry: the socket's buffers on both sides, and those of
 * whatever is in between. */
#define UNDER_WAY (12 * MIB)
#define GRACE_US                                                                                             \
        2000000 /* for a request that is not wanted any more: cut off, it would stay in the registry */

struct registry_upload {
        struct upload_session session; /* of the thread while there is one, then of the caller */
        unsigned restarts;             /* likewise */
        bool in_chunks;                /* likewise: the registry takes no long request */
        size_t chunk;                  /* bytes of each but the last */
        unsigned buffers;
        struct buffer ring[BUFFERS];
        uint64_t filling; /* the chunk that the caller is filling */
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t lock;
        pthread_cond_t changed;
        uint64_t filled;  /* bytes that may be sent: whole chunks, and the last one at the end */
        uint64_t sent;    /* bytes that the registry has */
        uint64_t gone;    /* bytes that are no longer in memory */
        bool closing;     /* no more will be filled */
        uint64_t over_us; /* of the monotonic clock: what is under way ends then; 0: not at all */
        int failure;      /* of the thread */
        struct error error;
};

/* --- sending ------------------------------------------------------------------------------------------- */

/* What may be sent now of the chunk that the registry has to get next. */
static struct slice next_bytes(const struct registry_upload *upload)
{
        uint64_t offset = upload->session.offset;
        struct slice bytes = buffer_slice(&upload->ring[offset / upload->chunk % upload->buffers]), done;

        slice_take(&bytes, (size_t)(offset % upload->chunk), &done);
        return bytes;
}

static int gone(const struct registry_upload *upload, struct error *err)
{
        return error_set(err, &ERROR_REGISTRY_UPLOAD_LOST, -ESTALE,
                         "`%s` no longer has what was sent before the connection broke, and it is no longer "
                         "in memory",
                         upload->session.registry->name);
}

/* Tells the caller how far it is. The bytes that come next must still be there. */
static int progress_note(struct registry_upload *upload, struct error *err)
{
        bool is_gone;

        pthread_mutex_lock(&upload->lock);
        is_gone = upload->session.offset < upload->gone;
        upload->sent = upload->session.offset;
        pthread_cond_broadcast(&upload->changed);
        pthread_mutex_unlock(&upload->lock);
        return is_gone ? gone(upload, err) : 0;
}

/* After -ESTALE: a new upload, if all bytes are still there. */
static int begin_anew(struct registry_upload *upload, struct error *err)
{
        uint64_t gone;
        int ret;

        pthread_mutex_lock(&upload->lock);
        gone = upload->gone;
        pthread_mutex_unlock(&upload->lock);
        if (gone || upload->restarts++ == RESTARTS_MAX)
                return -ESTALE;
        ret = session_open(&upload->session, err);
        return ret < 0 ? ret : progress_note(upload, err);
}

/* Bytes from `offset` on: waits until there are some; 0 when there will be no more. */
static ssize_t stream_bytes(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct registry_upload *upload = context;
        const struct buffer *chunk = &upload->ring[offset / upload->chunk % upload->buffers];
        size_t left = upload->chunk - (size_t)(offset % upload->chunk);
        bool is_gone, is_over;
        uint64_t there;

        pthread_mutex_lock(&upload->lock);
        while (offset == upload->filled && !upload->closing)
                pthread_cond_wait(&upload->changed, &upload->lock);
        there = upload->filled - offset;
        is_gone = offset < upload->gone;
        is_over = upload->over_us;
        if (offset < upload->sent) {
                upload->sent = offset; /* after a break: from here on nothing may be overwritten */
        } else if (offset > UNDER_WAY && offset - UNDER_WAY > upload->sent) {
                upload->sent = offset - UNDER_WAY;
                pthread_cond_broadcast(&upload->changed);
        }
        pthread_mutex_unlock(&upload->lock);
        if (is_over)
                return 0; /* a request that is cut off would stay in the registry */
        if (is_gone)
                return gone(upload, err);
        left = there < left ? (size_t)there : left;
        left = size < left ? size : left;
        if (left)
                memcpy(data, chunk->data + offset % upload->chunk, left);
        return (ssize_t)left;
}

static int send_some(struct registry_upload *upload, struct error *err)
{
        int ret = upload->in_chunks ? -EFBIG : session_stream(&upload->session, stream_bytes, err);

        if (ret != -EFBIG)
                return ret;
        upload->in_chunks = true;
        return session_send(&upload->session, next_bytes(upload), err);
}

/* One step further; `session.offset` moves. */
static int send_next(struct registry_upload *upload, struct error *err)
{
        int ret = send_some(upload, err);

        if (ret == -ESTALE)
                return begin_anew(upload, err);
        return ret < 0 ? ret : progress_note(upload, err);
}

static void *thread_main(void *argument)
{
        struct registry_upload *upload = argument;
        int ret = 0;

        pthread_mutex_lock(&upload->lock);
        while (ret == 0) {
                while (upload->sent == upload->filled && !upload->closing)
                        pthread_cond_wait(&upload->changed, &upload->lock);
                if (upload->sent == upload->filled || upload->over_us)
                        break;
                pthread_mutex_unlock(&upload->lock);
                ret = send_next(upload, &upload->error);
                pthread_mutex_lock(&upload->lock);
        }
        upload->failure = ret;
        pthread_cond_broadcast(&upload->changed);
        pthread_mutex_unlock(&upload->lock);
        return NULL;
}

static bool upload_is_over(void *context)
{
        struct registry_upload *upload = context;
        uint64_t over_us;

        pthread_mutex_lock(&upload->lock);
        over_us = upload->over_us;
        pthread_mutex_unlock(&upload->lock);
        return over_us && clock_monotonic_us() >= over_us;
}

/* --- filling ------------------------------------------------------------------------------------------- */

int registry_upload_open(struct registry *registry, struct registry_upload **out, struct error *err)
{
        _cleanup_registry_upload_ struct registry_upload *upload = calloc(1, sizeof(*upload));
        int ret;

        if (!upload)
                return error_oom(err);
        pthread_mutex_init(&upload->lock, NULL);
        pthread_cond_init(&upload->changed, NULL);
        upload->session =
                (struct upload_session){.registry = registry, .is_over = upload_is_over, .context = upload};
        ret = session_open(&upload->session, err);
        if (ret < 0)
                return ret;
        upload->chunk = CHUNK;
        if (upload->session.piece_min > CHUNK)
                upload->chunk = upload->session.piece_min < REGISTRY_UPLOAD_MEMORY
                                        ? (size_t)upload->session.piece_min
                                        : (size_t)REGISTRY_UPLOAD_MEMORY;
        upload->session.piece_max = upload->chunk;
        upload->in_chunks = upload->session.piece_min; /* it says how it wants them */
        upload->buffers = (unsigned)(REGISTRY_UPLOAD_MEMORY / upload->chunk);
        *out = steal_ptr(upload);
        return 0;
}

static int failure_copy(const struct registry_upload *upload, struct error *err)
{
        if (err)
                *err = upload->error;
        return upload->failure;
}

/* Gives the chunk to the thread, and waits for the buffer of the next one. */
static int chunk_hand_over(struct registry_upload *upload, struct error *err)
{
        uint64_t first_kept;
        bool has_failed;
        int ret = 0;

        upload->filling++;
        first_kept = upload->filling < upload->buffers ? 0 : (upload->filling + 1 - upload->buffers);
        pthread_mutex_lock(&upload->lock);
        upload->filled = upload->filling * upload->chunk;
        pthread_cond_broadcast(&upload->changed);
        if (!upload->has_thread) {
                ret = pthread_create(&upload->thread, NULL, thread_main, upload);
                upload->has_thread = ret == 0;
        }
        while (ret == 0 && !upload->failure && upload->sent < first_kept * upload->chunk)
                pthread_cond_wait(&upload->changed, &upload->lock);
        upload->gone = first_kept * upload->chunk;
        has_failed = upload->failure;
        pthread_mutex_unlock(&upload->lock);
        upload->ring[upload->filling % upload->buffers].size = 0;
        if (ret)
                return error_errno(err, ret, "start a thread for an upload");
        return has_failed ? failure_copy(upload, err) : 0;
}

int registry_upload_append(struct registry_upload *upload, struct slice bytes, struct error *err)
{
        while (bytes.size) {
                struct buffer *chunk = &upload->ring[upload->filling % upload->buffers];
                struct slice piece;
                int ret = 0;

                if (!chunk->data && buffer_reserve(chunk, upload->chunk) < 0)
                        return error_oom(err);
                slice_take(&bytes,
                           bytes.size < upload->chunk - chunk->size ? bytes.size
                                                                    : upload->chunk - chunk->size,
                           &piece);
                ret = buffer_append(chunk, piece.data, piece.size);
                if (ret == 0 && chunk->size == upload->chunk)
                        ret = chunk_hand_over(upload, err);
                if (ret < 0)
                        return ret == -ENOMEM ? error_oom(err) : ret;
        }
        return 0;
}

/* --- the end ------------------------------------------------------------------------------------------- */

static void thread_end(struct registry_upload *upload)
{
        pthread_mutex_lock(&upload->lock);
        upload->closing = true;
        pthread_cond_broadcast(&upload->changed);
        pthread_mutex_unlock(&upload->lock);
        if (upload->has_thread)
                pthread_join(upload->thread, NULL);
        upload->has_thread = false;
}

/* What is left of the bytes, then the end of the upload. `in_one`: the blob goes with the last request. */
static int finish(struct registry_upload *upload, const struct descriptor *blob, bool in_one,
                  struct error *err)
{
        int ret = 0;

        while (ret == 0 && !in_one && upload->session.offset < upload->filled)
                ret = send_next(upload, err);
        if (ret < 0)
                return ret;
        return session_close(&upload->session, in_one ? next_bytes(upload) : (struct slice){0}, blob, err);
}

int registry_upload_commit(struct registry_upload *upload, const struct descriptor *blob, struct error *err)
{
        bool in_one;
        int ret;

        pthread_mutex_lock(&upload->lock);
        upload->filled += upload->ring[upload->filling % upload->buffers].size;
        pthread_mutex_unlock(&upload->lock);
        thread_end(upload);
        if (upload->failure)
                return failure_copy(upload, err);
        if (upload->filled != blob->size)
                return error_set(err, &ERROR_INTERNAL, -EINVAL, "an upload has %llu bytes, not %llu",
                                 (unsigned long long)upload->filled, (unsigned long long)blob->size);
        in_one = upload->filled <= upload->chunk;
        for (;;) {
                ret = finish(upload, blob, in_one, err);
                if (ret == -EFBIG && in_one)
                        in_one = false; /* perhaps it takes smaller pieces */
                else if (ret == -ESTALE)
                        ret = begin_anew(upload, err);
                else
                        return ret;
                if (ret < 0 && ret != -EFBIG)
                        return ret;
        }
}

void registry_upload_free(struct registry_upload *upload)
{
        if (!upload)
                return;
        pthread_mutex_lock(&upload->lock);
        upload->over_us = clock_monotonic_us() + GRACE_US;
        pthread_mutex_unlock(&upload->lock);
        thread_end(upload);
        session_cancel(&upload->session);
        for (unsigned i = 0; i < BUFFERS; i++)
                buffer_free(&upload->ring[i]);
        pthread_cond_destroy(&upload->changed);
        pthread_mutex_destroy(&upload->lock);
        free(upload);
}
