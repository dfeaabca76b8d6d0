/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

/* Where its texts are. */
#define CONTAINER_TEXTS(c)                                                                                   \
        {&(c)->id,           &(c)->name,    &(c)->engine,       &(c)->runtime,                               \
         &(c)->runtime_root, &(c)->state,   &(c)->image,        &(c)->image_id,                              \
         &(c)->image_digest, &(c)->bundle,  &(c)->rootfs,       &(c)->upper,                                 \
         &(c)->shm,          &(c)->log,     &(c)->created,      &(c)->pod_namespace,                         \
         &(c)->pod,          &(c)->pod_uid, &(c)->pod_container}

bool container_set_text(char **text, const char *value)
{
        char *copy = strdup(value ? value : "");

        if (!copy)
                return false;
        free(*text);
        *text = copy;
        return true;
}

int container_new(struct container **out, struct error *err)
{
        _cleanup_container_ struct container *container = calloc(1, sizeof(*container));

        if (!container)
                return error_oom(err);
        char **const texts[] = CONTAINER_TEXTS(container);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (!container_set_text(texts[i], ""))
                        return error_oom(err);
        *out = steal_ptr(container);
        return 0;
}

void container_free(struct container *container)
{
        char **texts[] = CONTAINER_TEXTS(container);

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                free(*texts[i]);
        for (char **lower = container->lowers; lower && *lower; lower++)
                free(*lower);
        free(container->lowers);
        if (container->record_free)
                container->record_free(container->record);
        free(container);
}

void container_list_free(struct container_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                container_free(list->items[i]);
        free(list->items);
        *list = (struct container_list){0};
}

void restore_result_free(struct restore_result *result)
{
        free(result->container_id);
        free(result->name);
        *result = (struct restore_result){0};
}
