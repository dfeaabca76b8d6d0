/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pod.h"

#include <errno.h>

struct candidate {
        const struct runtime_driver *driver;
        const struct container *container; /* of one of `lists` */
};

/* What all engines list, and which of it was asked for. */
struct search {
        const char *namespace, *pod;
        struct container_list *lists;
        size_t list_count;
        struct candidate *found;
        size_t count;
};

void pod_free(struct pod *pod)
{
        container_list_free(&pod->containers);
        *pod = (struct pod){0};
}

static void search_free(struct search *search)
{
        for (size_t i = 0; i < search->list_count; i++)
                container_list_free(&search->lists[i]);
        free(search->lists);
        free(search->found);
}

static bool is_running(const struct container *container)
{
        return strcmp(container->state, "running") == 0 || strcmp(container->state, "paused") == 0;
}

static bool is_known(const struct search *search, const struct container *container)
{
        for (size_t i = 0; i < search->count; i++)
                if (strcmp(search->found[i].container->id, container->id) == 0)
                        return true;
        return false;
}

static int search_driver(struct search *search, const struct runtime_driver *driver, struct error *err)
{
        struct container_list *list = &search->lists[search->list_count];
        struct candidate *grown;
        int r = driver->list(list, err);

        if (r < 0)
                return r;
        search->list_count++;
        grown = reallocarray(search->found, search->count + list->count + 1, sizeof(*grown));
        if (!grown)
                return error_oom(err);
        search->found = grown;
        for (size_t i = 0; i < list->count; i++) {
                const struct container *container = list->items[i];

                if (*container->pod_container && strcmp(container->pod, search->pod) == 0 &&
                    strcmp(container->pod_namespace, search->namespace) == 0 && !is_known(search, container))
                        search->found[search->count++] = (struct candidate){driver, container};
        }
        return 0;
}

/* All containers of pods of that name, running or not. */
static int search_all(struct search *search, const struct runtime_driver *const *drivers, struct error *err)
{
        const struct runtime_driver *const *all = drivers ? drivers : runtime_drivers;
        size_t count = 0;
        int r = 0;

        while (all[count])
                count++;
        search->lists = calloc(count + 1, sizeof(*search->lists));
        if (!search->lists)
                return error_oom(err);
        for (size_t i = 0; i < count && r == 0; i++)
                if (drivers || all[i]->available())
                        r = search_driver(search, all[i], err);
        if (r == 0 && search->count == 0)
                return error_set(err, &ERROR_POD_NOT_FOUND, -ENOENT, "pod does not exist");
        return r;
}

static int ambiguous(const struct search *search, const struct candidate *a, const struct candidate *b,
                     struct error *err)
{
        error_set(err, &ERROR_CONTAINER_AMBIGUOUS, -ENOTUNIQ,
                  "more than one pod or container is `%s/%s`: %s of %s (%.12s) and %s of %s (%.12s)",
                  search->namespace, search->pod, a->container->name, a->driver->name, a->container->id,
                  b->container->name, b->driver->name, b->container->id);
        error_set_hint(err, "Name one container by its id.");
        return -ENOTUNIQ;
}

static int by_name(const void *a, const void *b)
{
        const struct container *const *x = a, *const *y = b;

        return strcmp((*x)->pod_container, (*y)->pod_container);
}

int runtime_find_pod(const char *namespace, const char *name, const struct runtime_driver *const *drivers,
                     struct pod *out, struct error *err)
{
        _cleanup_(search_free) struct search search = {.namespace = namespace, .pod = name};
        _cleanup_pod_ struct pod pod = {0};
        const struct candidate *first = NULL;
        int r = search_all(&search, drivers, err);

        if (r < 0)
                return r;
        pod.containers.items = calloc(search.count, sizeof(*pod.containers.items));
        if (!pod.containers.items)
                return error_oom(err);
        for (size_t i = 0; i < search.count; i++) {
                const struct candidate *candidate = &search.found[i];

                if (!is_running(candidate->container))
                        continue;
                if (!first)
                        first = candidate;
                if (candidate->driver != first->driver ||
                    strcmp(candidate->container->pod_uid, first->container->pod_uid) != 0)
                        return ambiguous(&search, first, candidate, err);
                r = candidate->driver->inspect(candidate->container->id,
                                               &pod.containers.items[pod.containers.count], err);
                if (r < 0)
                        return r;
                pod.containers.count++;
        }
        if (!first)
                return error_set(err, &ERROR_CONTAINER_NOT_RUNNING, -ESRCH,
                                 "no container of the pod `%s/%s` is running", namespace, name);
        qsort(pod.containers.items, pod.containers.count, sizeof(*pod.containers.items), by_name);
        pod.driver = first->driver;
        *out = pod;
        pod = (struct pod){0};
        return 0;
}

/* A container that runs hides those of its name that do not; its name in the pod hides an engine's. */
static int rank(const struct container *container, const char *name)
{
        bool is_own = strcmp(container->pod_container, name) == 0;

        if (!is_own && strcmp(container->name, name) != 0)
                return 0;
        return (is_running(container) ? 2 : 0) + (is_own ? 2 : 1);
}

int runtime_find_pod_container(const char *namespace, const char *pod, const char *name,
                               const struct runtime_driver *const *drivers,
                               const struct runtime_driver **driver, struct container **out,
                               struct error *err)
{
        _cleanup_(search_free) struct search search = {.namespace = namespace, .pod = pod};
        const struct candidate *best = NULL, *rival = NULL;
        int r = search_all(&search, drivers, err), best_rank = 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < search.count; i++) {
                int this_rank = rank(search.found[i].container, name);

                if (this_rank > best_rank) {
                        best = &search.found[i];
                        best_rank = this_rank;
                        rival = NULL;
                } else if (this_rank && this_rank == best_rank) {
                        rival = &search.found[i];
                }
        }
        if (!best)
                return error_set(err, &ERROR_POD_CONTAINER_NOT_FOUND, -ENOENT, "container %s does not exist",
                                 name);
        if (rival && is_running(best->container))
                return ambiguous(&search, best, rival, err);
        *driver = best->driver;
        return best->driver->inspect(best->container->id, out, err);
}
