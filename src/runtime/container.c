/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

void container_free(struct container *container)
{
        char **texts[] = {&container->id,      &container->name,         &container->engine,
                          &container->runtime, &container->state,        &container->image,
                          &container->bundle,  &container->rootfs,       &container->image_id,
                          &container->upper,   &container->shm,          &container->log,
                          &container->created, &container->runtime_root, &container->image_digest};

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
