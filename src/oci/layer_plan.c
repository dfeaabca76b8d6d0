/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_plan.h"

#include <errno.h>
#include "archive/index.h"
#include "oci/translate.h"

/* Smaller layers would cost more in requests than they gain. */
#define LAYER_MIN (64 * MIB)

/* When a layer of pages has its share, the next one begins: the last may be smaller. */
#define PAGES_LAYERS (LAYERS_MAX - 2)

static bool is_pages(const struct archive_member *member)
{
        return text_starts_with(member->name, "checkpoint/pages-");
}

/* Its offsets are those of the archive: in an image they mean nothing. */
static bool is_left_out(const struct archive_member *member, bool common)
{
        return strcmp(member->name, ARCHIVE_INDEX_NAME) == 0 ||
               (common && translation_has_member(member->name));
}

/* In a layer, ".wh." in front of a name removes another file (image-spec "layer.md"). */
static bool is_whiteout(const char *name)
{
        return text_starts_with(name, ".wh.") || strstr(name, "/.wh.");
}

static int check_members(const struct archive *archive, uint64_t *total, uint64_t *pages, struct error *err)
{
        *total = *pages = 0;
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);

                if (is_whiteout(member->name))
                        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                         "`%s`: member `%s` would remove another one in an image",
                                         archive_path(archive), member->name);
                if (add_overflow(*total, member->size, total))
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                         archive_path(archive));
                *pages += is_pages(member) ? member->size : 0;
        }
        return 0;
}

static void assign(const struct archive *archive, bool common, uint64_t share, struct layer_plan *plan)
{
        uint64_t size = 0;
        bool full = true;

        plan->count = 1;
        for (size_t i = 0; i < archive_count(archive); i++) {
                const struct archive_member *member = archive_at(archive, i);
                unsigned layer = 0;

                if (is_left_out(member, common)) {
                        plan->layer_of[i] = LAYER_NONE;
                        continue;
                }
                if (is_pages(member)) {
                        if (full) {
                                plan->count++;
                                size = 0;
                        }
                        size += member->size;
                        full = size >= share;
                        layer = plan->count - 1;
                }
                plan->layer_of[i] = (uint8_t)layer;
                plan->last[layer] = i;
        }
}

int layer_plan_make(const struct archive *archive, bool common, struct layer_plan *out, struct error *err)
{
        struct layer_plan plan = {0};
        uint64_t pages, share;
        int ret = check_members(archive, &plan.total, &pages, err);

        if (ret < 0)
                return ret;
        plan.layer_of = malloc(archive_count(archive) + 1);
        if (!plan.layer_of)
                return error_oom(err);
        share = pages / PAGES_LAYERS + 1;
        assign(archive, common, share < LAYER_MIN ? LAYER_MIN : share, &plan);
        *out = plan;
        return 0;
}

void layer_plan_free(struct layer_plan *plan)
{
        free(plan->layer_of);
        plan->layer_of = NULL;
}
