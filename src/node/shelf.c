/* SPDX-License-Identifier: Apache-2.0 */
#include "node/shelf.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include "net/listen.h"
#include "node/fetch_request.h"
#include "node/job.h"
#include "node/peer_archive.h"
#include "oci/image.h"
#include "oci/registry_server.h"

#define REPOSITORY "checkpoint/"
#define TAG        "latest"
#define OFFERS_MAX 1000

/* The request of a fetch. */
struct offer {
        struct offer *next;
        yyjson_doc *request;
};

struct shelf {
        struct node *node;
        char *listen, *root;
        struct registry_server *server;
        pthread_mutex_t lock; /* of the offers */
        struct offer *offers; /* the newest first */
        size_t offer_count;
        pthread_mutex_t making; /* one image at a time: two pulls of the same would do it twice */
};

static void offer_free(struct offer *offer)
{
        yyjson_doc_free(offer->request);
        free(offer);
}

static const char *offer_id(const struct offer *offer)
{
        return json_text(yyjson_doc_get_root(offer->request), "id");
}

/* The place of the pointer to it; that of NULL when there is none. Holds the lock. */
static struct offer **find_offer(struct shelf *shelf, const char *id)
{
        struct offer **at = &shelf->offers;

        while (*at && strcasecmp(offer_id(*at), id) != 0)
                at = &(*at)->next;
        return at;
}

static struct offer *take_offer(struct shelf *shelf, const char *id)
{
        struct offer **at, *offer;

        pthread_mutex_lock(&shelf->lock);
        at = find_offer(shelf, id);
        offer = *at;
        if (offer) {
                *at = offer->next;
                shelf->offer_count--;
        }
        pthread_mutex_unlock(&shelf->lock);
        return offer;
}

/* In place of an older one of the same checkpoint. */
static int put_offer(struct shelf *shelf, struct offer *offer, struct error *err)
{
        struct offer *older = take_offer(shelf, offer_id(offer));
        bool fits;

        if (older)
                offer_free(older);
        pthread_mutex_lock(&shelf->lock);
        fits = shelf->offer_count < OFFERS_MAX;
        if (fits) {
                offer->next = shelf->offers;
                shelf->offers = offer;
                shelf->offer_count++;
        }
        pthread_mutex_unlock(&shelf->lock);
        if (fits)
                return 0;
        offer_free(offer);
        return error_set(err, &ERROR_BUSY, -EBUSY, "%d images are offered and not pulled yet", OFFERS_MAX);
}

/* --- making an image --------------------------------------------------------------------------------------
 */

static char *image_name(const struct shelf *shelf, const char *id)
{
        char *name;

        if (asprintf(&name, "%s/" REPOSITORY "%s:" TAG, registry_server_address(shelf->server), id) < 0)
                return NULL;
        for (char *c = strstr(name, REPOSITORY); *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return name;
}

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
        ret = image_build(archive, &reference, &options, NULL, &result, err);
        node_release_space(shelf->node, size);
        return ret;
}

static int open_here(struct shelf *shelf, const char *id, struct archive **out, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_free_ char *upper = strdup(id);
        int ret;

        if (!upper)
                return error_oom(err);
        for (char *c = upper; *c; c++)
                *c = (char)toupper((unsigned char)*c);
        ret = catalog_get_checkpoint(node_catalog(shelf->node), upper, &checkpoint, err);
        if (ret < 0)
                return ret;
        if (strcmp(checkpoint->state, "completed") != 0)
                return error_set(err, &ERROR_CHECKPOINT_BAD, -EBADMSG, "the checkpoint `%s` is %s", upper,
                                 checkpoint->state);
        return archive_open_unread(checkpoint->path, out, err);
}

/* Of another node. */
static int make_of_peer(struct shelf *shelf, yyjson_val *request, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        _cleanup_peer_ struct peer *peer = NULL;
        char chunks[CHUNKS_TEXT_SIZE];
        struct peer_options options;
        struct peer *reader;
        int ret;

        fetch_request_peer(node_options(shelf->node), request, NULL, &options);
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
        if (ret == 0)
                peer_end(reader);
        return ret;
}

static int make(struct shelf *shelf, const char *id, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct offer *offer = take_offer(shelf, id);
        int ret;

        if (!offer) {
                ret = open_here(shelf, id, &archive, err);
                return ret < 0 ? ret : build(shelf, archive, id, err);
        }
        ret = make_of_peer(shelf, yyjson_doc_get_root(offer->request), err);
        if (ret == 0)
                offer_free(offer);
        else
                (void)put_offer(shelf, offer, NULL); /* the next pull may have more luck */
        return ret;
}

/* Called by the registry when it has no such image. */
static int missing(void *context, const char *repository, const char *reference, struct error *err)
{
        struct shelf *shelf = context;
        int ret;

        if (!text_starts_with(repository, REPOSITORY) || strcmp(reference, TAG) != 0)
                return -ENOENT;
        pthread_mutex_lock(&shelf->making);
        ret = make(shelf, repository + strlen(REPOSITORY), err);
        pthread_mutex_unlock(&shelf->making);
        return ret;
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

int shelf_open(struct node *node, const char *listen, struct shelf **out, struct error *err)
{
        _cleanup_shelf_ struct shelf *shelf = NULL;
        struct registry_server_options options = {.missing = missing};
        int ret = check_listen(listen, err);

        if (ret < 0)
                return ret;
        shelf = calloc(1, sizeof(*shelf));
        if (!shelf)
                return error_oom(err);
        shelf->node = node;
        pthread_mutex_init(&shelf->lock, NULL);
        pthread_mutex_init(&shelf->making, NULL);
        shelf->listen = strdup(listen);
        if (!shelf->listen ||
            asprintf(&shelf->root, "%s/registry", node_options(node)->state_directory) < 0) {
                shelf->root = NULL;
                return error_oom(err);
        }
        options.listen = shelf->listen;
        options.root = shelf->root;
        options.context = shelf;
        ret = registry_server_start(&options, &shelf->server, err);
        if (ret == 0)
                *out = steal_ptr(shelf);
        return ret;
}

void shelf_stop(struct shelf *shelf, unsigned seconds)
{
        registry_server_stop(shelf->server, seconds);
}

void shelf_free(struct shelf *shelf)
{
        if (!shelf)
                return;
        registry_server_free(shelf->server);
        while (shelf->offers) {
                struct offer *next = shelf->offers->next;

                offer_free(shelf->offers);
                shelf->offers = next;
        }
        pthread_mutex_destroy(&shelf->lock);
        pthread_mutex_destroy(&shelf->making);
        free(shelf->listen);
        free(shelf->root);
        free(shelf);
}

static int copy_offer(yyjson_val *request, struct offer **out, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        struct offer *offer = calloc(1, sizeof(*offer));

        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_val_mut_copy(doc, request));
        if (doc && offer)
                offer->request = yyjson_mut_doc_imut_copy(doc, NULL);
        if (!offer || !offer->request) {
                free(offer);
                return error_oom(err);
        }
        *out = offer;
        return 0;
}

int shelf_offer(struct shelf *shelf, yyjson_val *request, char **image, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        const char *id = json_text_or(request, "id", "");
        struct offer *offer = NULL;
        int ret;

        if (!json_text(request, "url")) {
                ret = catalog_get_checkpoint(node_catalog(shelf->node), id, &checkpoint, err);
        } else {
                ret = fetch_request_check(node_options(shelf->node), request, err);
                if (ret == 0)
                        ret = copy_offer(request, &offer, err);
                if (ret == 0)
                        ret = put_offer(shelf, offer, err);
        }
        if (ret < 0)
                return ret;
        *image = image_name(shelf, id);
        return *image ? 0 : error_oom(err);
}
