/* SPDX-License-Identifier: Apache-2.0 */
/* The image of a checkpoint of another node, which runtimes of this machine may pull for a time. */
#ifndef SNAP_CATALOG_OFFER_H
#define SNAP_CATALOG_OFFER_H

#include "base/json.h"

/* Text is owned. */
struct offer {
        char *id;        /* of the checkpoint, in lower case as in the name of the image */
        char *request;   /* JSON object: how it is fetched; "" when all of it is here */
        int64_t ends_ns; /* since 1970 */
};

/* One with every text empty. */
int offer_new(struct offer **out, struct error *err);
void offer_free(struct offer *offer);
CLEANUP_DEFINE(struct offer *, offer_free);
#define _cleanup_offer_ _cleanup_(offer_freep)

struct offer_list {
        struct offer **items;
        size_t count;
};
void offer_list_free(struct offer_list *list);
#define _cleanup_offer_list_ _cleanup_(offer_list_free)

#endif
