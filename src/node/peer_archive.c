/* SPDX-License-Identifier: Apache-2.0 */
#include "node/peer_archive.h"

#include <errno.h>
#include <pthread.h>

/* What is kept of chunks, at most; at least two of them. */
#define KEPT_BYTES (16 * MIB)
#define KEPT_MIN   2
#define KEPT_MAX   (KEPT_BYTES / CHUNK_SIZE_MIN)

struct slot {
        size_t chunk;
        enum { SLOT_EMPTY, SLOT_LOADING, SLOT_READY } state;
        unsigned readers;   /* that copy from it */
        unsigned long used; /* when, in uses */
        size_t got;         /* bytes, while it is loaded */
        uint8_t *bytes;
};

struct peer_archive {
        struct peer *peer;
        struct checkpoint *checkpoint;
        struct chunk_list list;
        pthread_mutex_t lock; /* of the slots, but the bytes of one that is not empty */
        pthread_cond_t changed;
        struct slot slots[KEPT_MAX];
        size_t slot_count;
        unsigned long uses;
};

static void release(void *context)
{
        struct peer_archive *archive = context;

        for (size_t i = 0; i < archive->slot_count; i++)
                free(archive->slots[i].bytes);
        pthread_cond_destroy(&archive->changed);
        pthread_mutex_destroy(&archive->lock);
        peer_free(archive->peer);
        checkpoint_free(archive->checkpoint);
        chunk_list_free(&archive->list);
        free(archive);
}

static int take(void *context, struct slice bytes, struct error *err)
{
        struct slot *slot = context;

        memcpy(slot->bytes + slot->got, bytes.data, bytes.size);
        slot->got += bytes.size;
        return 0;
}

/* Nobody else looks at the slot meanwhile. */
static int load(struct peer_archive *archive, struct slot *slot, struct error *err)
{
        uint64_t start = slot->chunk * archive->list.chunk_size,
                 size = chunk_list_size_at(&archive->list, slot->chunk);
        struct sha256 digest;
        int ret;

        slot->got = 0;
        if (!slot->bytes && !(slot->bytes = malloc((size_t)archive->list.chunk_size)))
                return error_oom(err);
        ret = peer_read(archive->peer, archive->checkpoint, start, size, take, slot, err);
        if (ret == 0)
                ret = sha256_of((struct slice){slot->bytes, slot->got}, &digest, err);
        if (ret == 0 && !sha256_equal(&digest, &archive->list.digests[slot->chunk]))
                ret = peer_chunk_is_bad(archive->peer, archive->checkpoint, &archive->list, slot->chunk, err);
        return ret;
}

/* The slot that has or gets the chunk; else the one used longest ago of those that nobody reads. NULL: all
 * are busy. Holds the lock. */
static struct slot *find_slot(struct peer_archive *archive, size_t chunk)
{
        struct slot *best = NULL;

        for (size_t i = 0; i < archive->slot_count; i++) {
                struct slot *slot = &archive->slots[i];

                if (slot->state != SLOT_EMPTY && slot->chunk == chunk)
                        return slot;
                if (slot->state != SLOT_LOADING && !slot->readers && (!best || slot->used < best->used))
                        best = slot;
        }
        return best;
}

/* Holds the lock, but while it loads. */
static int load_into(struct peer_archive *archive, struct slot *slot, size_t chunk, struct error *err)
{
        int ret;

        slot->chunk = chunk;
        slot->state = SLOT_LOADING;
        pthread_mutex_unlock(&archive->lock);
        ret = load(archive, slot, err);
        pthread_mutex_lock(&archive->lock);
        slot->state = ret == 0 ? SLOT_READY : SLOT_EMPTY;
        pthread_cond_broadcast(&archive->changed);
        return ret;
}

/* Its bytes stay until the reader is counted out again. */
static int get_chunk(struct peer_archive *archive, size_t chunk, struct slot **out, struct error *err)
{
        struct slot *slot;
        int ret = 0;

        pthread_mutex_lock(&archive->lock);
        for (;;) {
                slot = find_slot(archive, chunk);
                if (slot && slot->state == SLOT_READY && slot->chunk == chunk)
                        break;
                if (!slot || slot->state == SLOT_LOADING)
                        pthread_cond_wait(&archive->changed, &archive->lock);
                else if ((ret = load_into(archive, slot, chunk, err)) < 0)
                        break;
        }
        if (ret == 0) {
                slot->readers++;
                slot->used = ++archive->uses;
        }
        pthread_mutex_unlock(&archive->lock);
        *out = slot;
        return ret;
}

static void put_chunk(struct peer_archive *archive, struct slot *slot)
{
        pthread_mutex_lock(&archive->lock);
        slot->readers--;
        pthread_cond_broadcast(&archive->changed);
        pthread_mutex_unlock(&archive->lock);
}

static int read_bytes(void *context, uint64_t offset, void *data, size_t size, struct error *err)
{
        struct peer_archive *archive = context;
        uint8_t *to = data;

        while (size) {
                size_t chunk = (size_t)(offset / archive->list.chunk_size), part;
                uint64_t within = offset % archive->list.chunk_size;
                struct slot *slot;
                int ret = get_chunk(archive, chunk, &slot, err);

                if (ret < 0)
                        return ret;
                part = slot->got - (size_t)within;
                part = part < size ? part : size;
                memcpy(to, slot->bytes + within, part);
                put_chunk(archive, slot);
                to += part;
                offset += part;
                size -= part;
        }
        return 0;
}

int peer_archive_open(struct peer *peer, struct checkpoint *checkpoint, struct chunk_list *list,
                      struct archive **out, struct error *err)
{
        struct peer_archive *archive = calloc(1, sizeof(*archive));
        struct archive_remote remote = {read_bytes, release, archive};
        size_t fit;

        if (!archive) {
                peer_free(peer);
                checkpoint_free(checkpoint);
                chunk_list_free(list);
                return error_oom(err);
        }
        archive->peer = peer;
        archive->checkpoint = checkpoint;
        archive->list = *list;
        *list = (struct chunk_list){0};
        fit = (size_t)(KEPT_BYTES / archive->list.chunk_size);
        archive->slot_count = fit < KEPT_MIN ? KEPT_MIN : fit;
        pthread_mutex_init(&archive->lock, NULL);
        pthread_cond_init(&archive->changed, NULL);
        return archive_open_remote(checkpoint->id, &remote, archive->list.size, out, err);
}
