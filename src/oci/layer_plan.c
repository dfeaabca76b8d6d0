/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_plan.h"

#include <errno.h>
#include "archive/index.h"
#include "oci/translate.h"

/* Smaller layers would cost more in requests than they gain. */
#define LAYER_MIN (64 * MIB)

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

/* How much there will be is not known, so each layer takes half of what all before it have: ten of them take
 * 5 GiB, and the last one what is left. */
static unsigned layer_for(struct layer_plan *plan, const struct archive_member *member)
{
        if (!is_pages(member))
                return 0;
        if (plan->pages >= plan->share && plan->count < LAYERS_MAX) {
                plan->share = plan->pages + (plan->pages / 2 > LAYER_MIN ? plan->pages / 2 : LAYER_MIN);
                plan->count++;
        }
        plan->pages += member->size;
        plan->pages_of[plan->count - 1] += member->size;
        return plan->count - 1;
}

static int grow(struct layer_plan *plan, struct error *err)
{
        size_t capacity = plan->capacity ? plan->capacity * 2 : 256;
        uint8_t *grown = realloc(plan->layer_of, capacity);

        if (!grown)
                return error_oom(err);
        plan->layer_of = grown;
        plan->capacity = capacity;
        return 0;
}

int layer_plan_add(struct layer_plan *plan, const struct archive *archive,
                   const struct archive_member *member, struct error *err)
{
        int ret;

        if (is_whiteout(member->name))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: member `%s` would remove another one in an image",
                                 archive_path(archive), member->name);
        if (add_overflow(plan->total, member->size, &plan->total))
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                 archive_path(archive));
        if (plan->members == plan->capacity && (ret = grow(plan, err)) < 0)
                return ret;
        if (!plan->count)
                plan->count = 1;
        plan->layer_of[plan->members++] =
                is_left_out(member, plan->common) ? LAYER_NONE : (uint8_t)layer_for(plan, member);
        return 0;
}

int layer_plan_make(const struct archive *archive, struct layer_plan *plan, struct error *err)
{
        int ret = 0;

        plan->count = 1;
        for (size_t i = 0; i < archive_count(archive) && ret == 0; i++)
                ret = layer_plan_add(plan, archive, archive_at(archive, i), err);
        return ret;
}

void layer_plan_free(struct layer_plan *plan)
{
        free(plan->layer_of);
        *plan = (struct layer_plan){.common = plan->common};
}
