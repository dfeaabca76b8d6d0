/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the shelf share. */
#ifndef SNAP_NODE_SHELF_PRIVATE_H
#define SNAP_NODE_SHELF_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "node/delivery.h"
#include "node/shelf.h"
#include "oci/registry_server.h"

#define SHELF_REPOSITORY "checkpoint/"
#define SHELF_TAG        "latest"

struct shelf {
        struct node *node;
        char *listen, *root;
        struct registry_server *server;
        struct progress progress; /* cancelled when it ends */
        atomic_bool stopping;
        pthread_mutex_t making; /* one image at a time: two pulls of the same would do it twice */

        pthread_mutex_t lock; /* of all below */
        struct delivery **deliveries;
        size_t delivery_count;
        pthread_cond_t stopped;
        pthread_t collector;
        bool is_collecting;  /* there is such a thread */
        uint64_t changed_us; /* when there last was something that may become garbage: monotonic */
};

/* An id as the catalog has it, to be freed; NULL: out of memory. */
char *shelf_checkpoint_id(const char *id);
/* The offer of the id in lower case, if there is one that is not over: -ENOENT without an error. */
int shelf_get_offer(struct shelf *shelf, const char *id, struct offer **out, struct error *err);
/* What is on its way, held for the caller; NULL: nothing. */
struct delivery *shelf_find_delivery(struct shelf *shelf, const char *id);
/* Lets go of deliveries that are over, or nobody has asked for `idle_seconds`; `id` NULL: of any. */
void shelf_drop_deliveries(struct shelf *shelf, const char *id, unsigned idle_seconds);
/* Something may become garbage from now on. */
void shelf_note_change(struct shelf *shelf);

/* The thread that collects; ended by shelf_end_collector(). */
int shelf_start_collector(struct shelf *shelf, struct error *err);
void shelf_end_collector(struct shelf *shelf);

#endif
