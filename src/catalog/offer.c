/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/offer.h"

#include "catalog/types.h"

#define FIELD(type, column, name) {column, NULL, type, offsetof(struct offer, name)}

static const struct field fields[] = {
        FIELD(FIELD_TEXT, "id", id),
        FIELD(FIELD_TEXT, "request", request),
        FIELD(FIELD_TIME, "ends_ns", ends_ns),
};

const struct record_type offer_type = {"offers", fields, ARRAY_SIZE(fields), sizeof(struct offer)};

int offer_new(struct offer **out, struct error *err)
{
        return record_new(&offer_type, (void **)out, err);
}

void offer_free(struct offer *offer)
{
        record_free(&offer_type, offer);
}

void offer_list_free(struct offer_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                offer_free(list->items[i]);
        free(list->items);
        *list = (struct offer_list){0};
}
