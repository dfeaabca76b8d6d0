/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/checkpoint.h"

#include "catalog/types.h"

#define FIELD(type, column, member, name) {column, member, type, offsetof(struct checkpoint, name)}

static const struct field fields[] = {
        FIELD(FIELD_TEXT, "id", "id", id),
        FIELD(FIELD_TEXT, "state", "state", state),
        FIELD(FIELD_TEXT, "reason", "reason", reason),
        FIELD(FIELD_TEXT, "source", "source", source),
        FIELD(FIELD_TEXT, "namespace", "namespace", namespace),
        FIELD(FIELD_TEXT, "pod", "pod", pod),
        FIELD(FIELD_TEXT, "pod_uid", "podUid", pod_uid),
        FIELD(FIELD_TEXT, "container", "container", container),
        FIELD(FIELD_TEXT, "container_id", "containerId", container_id),
        FIELD(FIELD_TEXT, "image", "image", image),
        FIELD(FIELD_TEXT, "node", "node", node),
        FIELD(FIELD_TEXT, "engine", "engine", engine),
        FIELD(FIELD_TEXT, "part_of", "group", group),
        FIELD(FIELD_TEXT, "path", "path", path),
        FIELD(FIELD_TEXT, "digest", "digest", digest),
        FIELD(FIELD_NUMBER, "size", "size", size),
        FIELD(FIELD_NUMBER, "frozen_us", "frozenUs", frozen_us),
        FIELD(FIELD_NUMBER, "duration_us", "durationUs", duration_us),
        FIELD(FIELD_TIME, "created_ns", "createdAt", created_ns),
        FIELD(FIELD_TIME, "verified_ns", "verifiedAt", verified_ns),
        FIELD(FIELD_FLAG, "pinned", "pinned", pinned),
};

const struct record_type checkpoint_type = {"checkpoints", fields, ARRAY_SIZE(fields),
                                            sizeof(struct checkpoint)};

int checkpoint_new(struct checkpoint **out, struct error *err)
{
        return record_new(&checkpoint_type, (void **)out, err);
}

int checkpoint_copy(const struct checkpoint *checkpoint, struct checkpoint **out, struct error *err)
{
        return record_copy(&checkpoint_type, checkpoint, (void **)out, err);
}

void checkpoint_free(struct checkpoint *checkpoint)
{
        record_free(&checkpoint_type, checkpoint);
}

yyjson_mut_val *checkpoint_json(const struct checkpoint *checkpoint, yyjson_mut_doc *doc)
{
        return record_json(&checkpoint_type, checkpoint, doc);
}

int checkpoint_from_json(yyjson_val *object, struct checkpoint **out, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        int r = checkpoint_new(&checkpoint, err);

        if (r == 0)
                r = record_from_json(&checkpoint_type, object, checkpoint, err);
        if (r == 0)
                *out = steal_ptr(checkpoint);
        return r;
}

void checkpoint_list_free(struct checkpoint_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                checkpoint_free(list->items[i]);
        free(list->items);
        *list = (struct checkpoint_list){0};
}
