/* SPDX-License-Identifier: Apache-2.0 */
/* What goes from the shelf, and when. */
#include <errno.h>
#include <signal.h>
#include "node/job.h"
#include "node/shelf_private.h"
#include "oci/registry_store_collect.h"

#define EVERY_SECONDS 60
/* Of blobs that no manifest refers to: a runtime may be about to ask for them. More than EVERY_SECONDS. */
#define GRACE_SECONDS 300
/* An image on its way that nobody asks for any more. */
#define IDLE_SECONDS 600
#define SECOND_US    UINT64_C(1000000)

/* --- offers -----------------------------------------------------------------------------------------------
 */

static void end_offers(struct shelf *shelf)
{
        _cleanup_offer_list_ struct offer_list list = {0};
        int64_t now = clock_realtime_ns();

        if (catalog_list_offers(node_catalog(shelf->node), 0, &list, NULL) < 0)
                return;
        for (size_t i = 0; i < list.count && list.items[i]->ends_ns <= now; i++) {
                _cleanup_delivery_ struct delivery *delivery = shelf_find_delivery(shelf, list.items[i]->id);

                /* What somebody pulls just now is let come to its end. */
                if (!delivery)
                        (void)catalog_remove_offer(node_catalog(shelf->node), list.items[i]->id, NULL);
        }
}

/* --- images -----------------------------------------------------------------------------------------------
 */

/* Whoever cannot be asked has said neither. */
static bool is_needed(struct shelf *shelf, const char *id, bool is_disk_low)
{
        _cleanup_free_ char *upper = shelf_checkpoint_id(id);
        _cleanup_delivery_ struct delivery *delivery = shelf_find_delivery(shelf, id);
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_offer_ struct offer *offer = NULL;

        if (!upper || delivery || shelf_get_offer(shelf, id, &offer, NULL) != -ENOENT)
                return true;
        /* Of an archive that is here it can be made again. */
        return catalog_get_checkpoint(node_catalog(shelf->node), upper, &checkpoint, NULL) != -ENOENT &&
               !is_disk_low;
}

/* Its blobs go when the store is collected. */
static void remove_image(struct shelf *shelf, const char *repository)
{
        struct registry_store *store = registry_server_store(shelf->server);
        _cleanup_store_manifest_ struct store_manifest manifest = {.fd = -1};
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";

        if (store_manifest_open(store, repository, SHELF_TAG, &manifest, NULL) < 0)
                return;
        sha256_hex(&manifest.digest, digest + 7);
        if (store_manifest_delete(store, repository, digest, NULL) == 0)
                shelf_note_change(shelf);
}

static void remove_images(struct shelf *shelf)
{
        bool is_disk_low = node_check_watermark(shelf->node, NULL) < 0;
        _cleanup_store_list_ struct store_list list = {0};

        if (store_repositories(registry_server_store(shelf->server), &list, NULL) < 0)
                return;
        /* Not while one is made: it would go before it is pulled. */
        pthread_mutex_lock(&shelf->making);
        for (size_t i = 0; i < list.count; i++)
                if (text_starts_with(list.items[i], SHELF_REPOSITORY) &&
                    !is_needed(shelf, list.items[i] + strlen(SHELF_REPOSITORY), is_disk_low))
                        remove_image(shelf, list.items[i]);
        pthread_mutex_unlock(&shelf->making);
}

/* --- blobs ------------------------------------------------------------------------------------------------
 */

/* They have no manifest yet that would say that they are needed. */
static void touch_deliveries(struct shelf *shelf)
{
        pthread_mutex_lock(&shelf->lock);
        for (size_t i = 0; i < shelf->delivery_count; i++)
                delivery_touch(shelf->deliveries[i]);
        if (shelf->delivery_count)
                shelf->changed_us = clock_monotonic_us();
        pthread_mutex_unlock(&shelf->lock);
}

/* An agent that has nothing to do reads no directories. */
static bool may_have_garbage(struct shelf *shelf, unsigned grace_seconds)
{
        bool may;

        pthread_mutex_lock(&shelf->lock);
        may = clock_monotonic_us() - shelf->changed_us <= (grace_seconds + 2 * EVERY_SECONDS) * SECOND_US;
        pthread_mutex_unlock(&shelf->lock);
        return may;
}

void shelf_collect(struct shelf *shelf, unsigned grace_seconds)
{
        struct collect_result result;

        shelf_drop_deliveries(shelf, NULL, IDLE_SECONDS);
        end_offers(shelf);
        remove_images(shelf);
        touch_deliveries(shelf);
        if (may_have_garbage(shelf, grace_seconds))
                (void)store_collect(registry_server_store(shelf->server), grace_seconds, &result, NULL);
}

/* --- the thread -------------------------------------------------------------------------------------------
 */

/* False when it is time to end. */
static bool pause_for(struct shelf *shelf, unsigned seconds)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&shelf->lock);
        while (!atomic_load(&shelf->stopping) &&
               pthread_cond_timedwait(&shelf->stopped, &shelf->lock, &until) != ETIMEDOUT)
                ;
        pthread_mutex_unlock(&shelf->lock);
        return !atomic_load(&shelf->stopping);
}

static void *collector_main(void *argument)
{
        struct shelf *shelf = argument;

        while (pause_for(shelf, EVERY_SECONDS))
                shelf_collect(shelf, GRACE_SECONDS);
        return NULL;
}

int shelf_start_collector(struct shelf *shelf, struct error *err)
{
        sigset_t all, before;
        int ret;

        /* What an agent that was killed has left. */
        shelf->changed_us = clock_monotonic_us();
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ret = pthread_create(&shelf->collector, NULL, collector_main, shelf);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        shelf->is_collecting = ret == 0;
        return ret ? error_errno(err, ret, "cannot start a thread") : 0;
}

void shelf_end_collector(struct shelf *shelf)
{
        if (!shelf->is_collecting)
                return;
        pthread_mutex_lock(&shelf->lock);
        pthread_cond_broadcast(&shelf->stopped);
        pthread_mutex_unlock(&shelf->lock);
        pthread_join(shelf->collector, NULL);
        shelf->is_collecting = false;
}
