/* SPDX-License-Identifier: Apache-2.0 */
#include "node/shelf.h"

#include <ctype.h>
#include <errno.h>
#include "net/listen.h"
#include "node/fetch_request.h"
#include "node/job.h"
#include "node/peer_archive.h"
#include "node/shelf_private.h"
#include "oci/image.h"

#define OFFERS_MAX        1000
#define OFFER_SECONDS     86400
#define OFFER_SECONDS_MAX (30 * 86400)
#define SECOND_NS         INT64_C(1000000000)

static char *in_case(const char *text, int (*convert)(int))
{
        char *copy = strdup(text);

        for (char *c = copy; c && *c; c++)
                *c = (char)convert((unsigned char)*c);
        return copy;
}

char *shelf_checkpoint_id(const char *id)
{
        return in_case(id, toupper);
}

/* --- offers -----------------------------------------------------------------------------------------------
 */

int shelf_get_offer(struct shelf *shelf, const char *id, struct offer **out, struct error *err)
{
        _cleanup_offer_ struct offer *offer = NULL;
        int ret = catalog_get_offer(node_catalog(shelf->node), id, &offer, err);

        if (ret < 0)
                return ret;
        if (offer->ends_ns <= clock_realtime_ns())
                return -ENOENT;
        *out = steal_ptr(offer);
        return 0;
}

/* Called when all of it is in the store: how it is fetched, and the ticket, is not needed any more. */
static void complete(void *context, const char *id)
{
        struct shelf *shelf = context;
        _cleanup_free_ char *key = in_case(id, tolower);
        _cleanup_offer_ struct offer *offer = NULL;

        if (key && shelf_get_offer(shelf, key, &offer, NULL) == 0 && text_set(&offer->request, "") == 0)
                (void)catalog_put_offer(node_catalog(shelf->node), offer, NULL);
}

static char *image_name(const struct shelf *shelf, const char *id)
{
        char *name;

        if (asprintf(&name, "%s/" SHELF_REPOSITORY "%s:" SHELF_TAG, registry_server_address(shelf->server),
                     id) < 0)
                return NULL;
        for (char *c = strstr(name, SHELF_REPOSITORY); *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return name;
}

/* --- what is on its way -----------------------------------------------------------------------------------
 */

void shelf_note_change(struct shelf *shelf)
{
        pthread_mutex_lock(&shelf->lock);
        shelf->changed_us = clock_monotonic_us();
        pthread_mutex_unlock(&shelf->lock);
}

struct delivery *shelf_find_delivery(struct shelf *shelf, const char *id)
{
        struct delivery *found = NULL;

        pthread_mutex_lock(&shelf->lock);
        for (size_t i = 0; i < shelf->delivery_count && !found; i++)
                if (strcasecmp(delivery_id(shelf->deliveries[i]), id) == 0)
                        found = delivery_hold(shelf->deliveries[i]);
        pthread_mutex_unlock(&shelf->lock);
        return found;
}

void shelf_drop_deliveries(struct shelf *shelf, const char *id, unsigned idle_seconds)
{
        size_t kept = 0;

        pthread_mutex_lock(&shelf->lock);
        for (size_t i = 0; i < shelf->delivery_count; i++) {
                struct delivery *delivery = shelf->deliveries[i];

                if ((!id || strcasecmp(delivery_id(delivery), id) == 0) &&
                    delivery_is_over(delivery, idle_seconds))
                        delivery_free(delivery);
                else
                        shelf->deliveries[kept++] = delivery;
        }
        shelf->delivery_count = kept;
        pthread_mutex_unlock(&shelf->lock);
}

static int add_delivery(struct shelf *shelf, struct delivery *delivery, struct error *err)
{
        struct delivery **grown;

        pthread_mutex_lock(&shelf->lock);
        grown = reallocarray(shelf->deliveries, shelf->delivery_count + 1, sizeof(*grown));
        if (grown) {
                shelf->deliveries = grown;
                grown[shelf->delivery_count++] = delivery_hold(delivery);
        }
        pthread_mutex_unlock(&shelf->lock);
        return grown ? 0 : error_oom(err);
}

/* --- making an image --------------------------------------------------------------------------------------
 */

/* Pushed to ourselves: all that a push verifies, and one way into a registry. */
static int build(struct shelf *shelf, struct archive *archive, const char *id, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        _cleanup_image_result_ struct image_result result = {0};
        const struct image_options options = {.compression = COMPRESSION_NONE};
        uint64_t size = archive_file_size(archive);
        _cleanup_free_ char *name = image_name(shelf, id), *text = NULL;
        int ret;

        if (!name || asprintf(&text, "docker://%s", name) < 0) {
                text = NULL;
                return error_oom(err);
        }
        ret = image_reference_parse(text, &reference, err);
        if (ret == 0)
                ret = node_claim_space(shelf->node, size, err);
        if (ret < 0)
                return ret;
        shelf_note_change(shelf);
        ret = image_build(archive, &reference, &options, NULL, &result, err);
        node_release_space(shelf->node, size);
        return ret;
}

/* Of the archive here. */
static int make_of_own(struct shelf *shelf, const char *id, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_free_ char *upper = shelf_checkpoint_id(id);
        int ret = upper ? catalog_get_checkpoint(node_catalog(shelf->node), upper, &checkpoint, err)
                        : error_oom(err);

        if (ret < 0)
                return ret;
        if (strcmp(checkpoint->state, "completed") != 0)
                return error_set(err, &ERROR_CHECKPOINT_BAD, -EBADMSG, "the checkpoint `%s` is %s", upper,
                                 checkpoint->state);
        ret = archive_open_unread(checkpoint->path, &archive, err);
        return ret < 0 ? ret : build(shelf, archive, id, err);
}

/* -ENOENT without an error when there is none. */
static int find_own(struct shelf *shelf, const char *id, struct error *err)
{
        int ret = make_of_own(shelf, id, err);

        if (ret == -ENOENT)
                *err = (struct error){0};
        return ret;
}

/* Of an archive on another node that has to be read as a whole before its layers are known. */
static int make_of_whole(struct shelf *shelf, yyjson_val *request, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        _cleanup_peer_ struct peer *peer = NULL;
        char chunks[CHUNKS_TEXT_SIZE];
        struct peer_options options;
        struct peer *reader;
        int ret;

        fetch_request_peer(node_options(shelf->node), request, &shelf->progress, &options);
        ret = peer_open(&options, &peer, err);
        if (ret == 0)
                ret = peer_chunks(peer, &checkpoint, &list, err);
        if (ret == 0)
                ret = fetch_request_bind(request, checkpoint, &list, chunks, err);
        if (ret < 0)
                return ret;
        reader = peer; /* lives as long as the archive */
        ret = peer_archive_open(steal_ptr(peer), steal_ptr(checkpoint), &list, &archive, err);
        if (ret == 0)
                ret = build(shelf, archive, options.id, err);
        if (ret < 0)
                return ret;
        peer_end(reader);
        complete(shelf, options.id);
        return 0;
}

/* Of an archive on another node. `out` stays NULL when the image is in the store. */
static int make_of_offer(struct shelf *shelf, const struct offer *offer, struct delivery **out,
                         struct error *err)
{
        _cleanup_delivery_ struct delivery *delivery = NULL;
        _cleanup_json_ yyjson_doc *request = NULL;
        _cleanup_free_ char *repository = NULL;
        struct delivery_options options = {
                .node = shelf->node,
                .store = registry_server_store(shelf->server),
                .tag = SHELF_TAG,
                .progress = &shelf->progress,
                .complete = complete,
                .context = shelf,
        };
        int ret = json_parse(SLICE_TEXT(offer->request), "an offer", &request, err);

        if (ret < 0)
                return ret;
        if (asprintf(&repository, SHELF_REPOSITORY "%s", offer->id) < 0) {
                repository = NULL;
                return error_oom(err);
        }
        options.repository = repository;
        options.request = yyjson_doc_get_root(request);
        shelf_note_change(shelf);
        ret = delivery_open(&options, &delivery, err);
        if (ret == -ENOTSUP)
                return make_of_whole(shelf, options.request, err);
        if (ret == 0)
                ret = add_delivery(shelf, delivery, err);
        if (ret == 0)
                *out = steal_ptr(delivery);
        return ret;
}

/* What is on its way, perhaps only now; NULL: it is in the store. -ENOENT: nobody offers it. Holds `making`.
 */
static int get_delivery(struct shelf *shelf, const char *id, struct delivery **out, struct error *err)
{
        _cleanup_offer_ struct offer *offer = NULL;
        int ret;

        *out = shelf_find_delivery(shelf, id);
        if (*out)
                return 0;
        ret = shelf_get_offer(shelf, id, &offer, err);
        if (ret == 0 && !*offer->request)
                ret = -ENOENT; /* it was here */
        return ret < 0 ? ret : make_of_offer(shelf, offer, out, err);
}

/* Called by the registry when it has no such image. */
static int find_manifest(void *context, const char *repository, const char *reference, struct buffer *text,
                         struct error *err)
{
        struct shelf *shelf = context;
        _cleanup_delivery_ struct delivery *delivery = NULL;
        const char *id = repository + strlen(SHELF_REPOSITORY);
        int ret;

        if (!text_starts_with(repository, SHELF_REPOSITORY))
                return -ENOENT;
        pthread_mutex_lock(&shelf->making);
        ret = get_delivery(shelf, id, &delivery, err);
        if (ret == -ENOENT && !err->kind && strcmp(reference, SHELF_TAG) == 0)
                ret = find_own(shelf, id, err);
        pthread_mutex_unlock(&shelf->making);
        return delivery ? delivery_manifest(delivery, reference, text, err) : ret;
}

/* Called by the registry when it has no such blob; also for those that we push to it ourselves, with `making`
 * held. Who wants one has asked for the manifest before. */
static int find_blob(void *context, const char *repository, const struct sha256 *digest, uint64_t *size,
                     struct response_source *out, struct error *err)
{
        _cleanup_delivery_ struct delivery *delivery = NULL;

        if (text_starts_with(repository, SHELF_REPOSITORY))
                delivery = shelf_find_delivery(context, repository + strlen(SHELF_REPOSITORY));
        return delivery ? delivery_blob(delivery, digest, size, out, err) : -ENOENT;
}

/* --- from open to free ------------------------------------------------------------------------------------
 */

static int check_listen(const char *listen, struct error *err)
{
        bool is_local;
        int ret = listen_is_local(listen, &is_local, err);

        if (ret < 0 || is_local)
                return ret;
        return error_set(
                err, &ERROR_USAGE, -EPERM,
                "the registry of a node is for this machine alone, and `%s` can be reached from others",
                listen);
}

static bool is_stopping(void *context)
{
        const struct shelf *shelf = context;

        return atomic_load(&shelf->stopping);
}

static void init(struct shelf *shelf, struct node *node)
{
        pthread_condattr_t attributes;

        shelf->node = node;
        shelf->progress = (struct progress){.cancelled = is_stopping, .context = shelf};
        pthread_mutex_init(&shelf->lock, NULL);
        pthread_mutex_init(&shelf->making, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&shelf->stopped, &attributes);
        pthread_condattr_destroy(&attributes);
}

int shelf_open(struct node *node, const char *listen, struct shelf **out, struct error *err)
{
        _cleanup_shelf_ struct shelf *shelf = NULL;
        struct registry_server_options options = {.origin = {find_manifest, find_blob, NULL}};
        int ret = check_listen(listen, err);

        if (ret < 0)
                return ret;
        shelf = calloc(1, sizeof(*shelf));
        if (!shelf)
                return error_oom(err);
        init(shelf, node);
        shelf->listen = strdup(listen);
        if (!shelf->listen ||
            asprintf(&shelf->root, "%s/registry", node_options(node)->state_directory) < 0) {
                shelf->root = NULL;
                return error_oom(err);
        }
        options.listen = shelf->listen;
        options.root = shelf->root;
        options.origin.context = shelf;
        ret = registry_server_start(&options, &shelf->server, err);
        if (ret == 0)
                ret = shelf_start_collector(shelf, err);
        if (ret == 0)
                *out = steal_ptr(shelf);
        return ret;
}

/* What comes from other nodes is broken off first: who pulls it would wait for it. */
void shelf_stop(struct shelf *shelf, unsigned seconds)
{
        atomic_store(&shelf->stopping, true);
        shelf_end_collector(shelf);
        if (shelf->server)
                registry_server_stop(shelf->server, seconds);
        for (size_t i = 0; i < shelf->delivery_count; i++)
                delivery_wait(shelf->deliveries[i]);
}

void shelf_free(struct shelf *shelf)
{
        if (!shelf)
                return;
        shelf_stop(shelf, 0);
        for (size_t i = 0; i < shelf->delivery_count; i++)
                delivery_free(shelf->deliveries[i]);
        free(shelf->deliveries);
        registry_server_free(shelf->server);
        pthread_cond_destroy(&shelf->stopped);
        pthread_mutex_destroy(&shelf->lock);
        pthread_mutex_destroy(&shelf->making);
        free(shelf->listen);
        free(shelf->root);
        free(shelf);
}

/* --- offering ---------------------------------------------------------------------------------------------
 */

static int check_count(struct shelf *shelf, struct error *err)
{
        _cleanup_offer_list_ struct offer_list list = {0};
        int ret = catalog_list_offers(node_catalog(shelf->node), OFFERS_MAX, &list, err);

        if (ret == 0 && list.count >= OFFERS_MAX)
                ret = error_set(err, &ERROR_BUSY, -EBUSY, "%d images are offered already", OFFERS_MAX);
        return ret;
}

static int make_offer(const char *id, yyjson_val *request, struct offer **out, struct error *err)
{
        _cleanup_offer_ struct offer *offer = NULL;
        _cleanup_free_ char *text = NULL, *key = in_case(id, tolower);
        uint64_t seconds = json_uint_or(request, "seconds", OFFER_SECONDS);
        int ret = offer_new(&offer, err);

        if (ret < 0)
                return ret;
        if (seconds - 1 >= OFFER_SECONDS_MAX)
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "`seconds` is a number from 1 to %d",
                                 OFFER_SECONDS_MAX);
        text = yyjson_val_write(request, YYJSON_WRITE_NOFLAG, NULL);
        if (!text || !key || text_set(&offer->id, key) < 0 || text_set(&offer->request, text) < 0)
                return error_oom(err);
        offer->ends_ns = clock_realtime_ns() + (int64_t)seconds * SECOND_NS;
        *out = steal_ptr(offer);
        return 0;
}

/* In place of an older one of the same checkpoint, and of what failed of that. */
static int offer_other(struct shelf *shelf, const char *id, yyjson_val *request, struct error *err)
{
        _cleanup_offer_ struct offer *offer = NULL;
        int ret = fetch_request_check(node_options(shelf->node), request, err);

        if (ret == 0)
                ret = make_offer(id, request, &offer, err);
        if (ret == 0)
                ret = check_count(shelf, err);
        if (ret == 0)
                ret = catalog_put_offer(node_catalog(shelf->node), offer, err);
        if (ret == 0)
                shelf_drop_deliveries(shelf, id, 0);
        return ret;
}

int shelf_offer(struct shelf *shelf, yyjson_val *request, char **image, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        const char *id = json_text_or(request, "id", "");
        int ret = json_text(request, "url")
                          ? offer_other(shelf, id, request, err)
                          : catalog_get_checkpoint(node_catalog(shelf->node), id, &checkpoint, err);

        if (ret < 0)
                return ret;
        *image = image_name(shelf, id);
        return *image ? 0 : error_oom(err);
}
