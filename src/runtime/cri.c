/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine tells about its containers by the CRI: list and inspect. */
#include "runtime/cri_private.h"

#include <errno.h>
#include "base/clock.h"
#include "base/json.h"
#include "runtime/cri_messages.h"

#define ASK_SECONDS 30

/* Where containerd keeps what its containers run from, unless it is configured otherwise. */
#define CONTAINERD_BUNDLES   "/run/containerd/io.containerd.runtime.v2.task/k8s.io"
#define CONTAINERD_RUNC_ROOT "/run/containerd/runc"
#define CRIO_BUNDLES         "/run/containers/storage/overlay-containers"

/* Replaces one of its texts. False when out of memory. */
static bool text_take(char **text, struct slice value)
{
        _cleanup_free_ char *copy = strndup(value.size ? (const char *)value.data : "", value.size);

        return copy && container_set_text(text, copy);
}

static const char *state_name(uint64_t state)
{
        static const char *const names[] = {
                [CRI_CREATED] = "created", [CRI_RUNNING] = "running", [CRI_EXITED] = "exited"};

        return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static int created_set(struct container *container, uint64_t ns)
{
        char text[RFC3339_SIZE];

        return container_set_text(&container->created, rfc3339_format((int64_t)ns, text)) ? 0 : -ENOMEM;
}

/* "NAMESPACE/POD/CONTAINER"; a container whose pod is gone has only its own name. */
static int name_set(struct container *container)
{
        char *name;

        if (!*container->pod)
                return container_set_text(&container->name, container->pod_container) ? 0 : -ENOMEM;
        if (asprintf(&name, "%s/%s/%s", container->pod_namespace, container->pod, container->pod_container) <
            0)
                return -ENOMEM;
        free(container->name);
        container->name = name;
        return 0;
}

static int container_from_list(const struct cri_container *item, const struct cri_sandbox *sandbox,
                               struct container **out)
{
        _cleanup_container_ struct container *c = NULL;

        if (container_new(&c, NULL) < 0 || !container_set_text(&c->engine, "cri") ||
            !text_take(&c->id, item->id) || !text_take(&c->pod_container, item->name) ||
            !text_take(&c->image, item->image) || !text_take(&c->image_id, item->image_ref) ||
            !container_set_text(&c->state, state_name(item->state)) || !text_take(&c->pod, sandbox->name) ||
            !text_take(&c->pod_namespace, sandbox->name_space) || !text_take(&c->pod_uid, sandbox->uid) ||
            !text_take(&c->runtime, sandbox->handler) || created_set(c, item->created_ns) < 0 ||
            name_set(c) < 0)
                return -ENOMEM;
        *out = steal_ptr(c);
        return 0;
}

static int malformed(struct error *err)
{
        return error_set(err, &ERROR_RUNTIME_FAILED, -EBADMSG, "the answer of `%s` is malformed",
                         cri_socket());
}

/* That of the container's pod; all empty when there is none. */
static int sandbox_find(struct slice sandboxes, struct slice id, struct cri_sandbox *out)
{
        int ret;

        while ((ret = cri_next_sandbox(&sandboxes, out)) > 0)
                if (out->id.size == id.size && memcmp(out->id.data, id.data, id.size) == 0)
                        return 0;
        *out = (struct cri_sandbox){0};
        return ret;
}

static int list_append(struct container_list *list, struct container *container)
{
        struct container **items = reallocarray(list->items, list->count + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        list->items = items;
        list->items[list->count++] = container;
        return 0;
}

static int list_read(struct slice containers, struct slice sandboxes, struct container_list *out)
{
        struct cri_container item;
        int ret;

        while ((ret = cri_next_container(&containers, &item)) > 0) {
                _cleanup_container_ struct container *container = NULL;
                struct cri_sandbox sandbox;

                ret = sandbox_find(sandboxes, item.sandbox, &sandbox);
                if (ret == 0)
                        ret = container_from_list(&item, &sandbox, &container);
                if (ret == 0)
                        ret = list_append(out, container);
                if (ret < 0)
                        return ret;
                (void)steal_ptr(container);
        }
        return ret;
}

int cri_list(struct container_list *out, struct error *err)
{
        _cleanup_container_list_ struct container_list list = {0};
        _cleanup_buffer_ struct buffer containers = {0}, sandboxes = {0};
        int ret = cri_call("RuntimeService/ListContainers", (struct slice){0}, ASK_SECONDS, &containers, err);

        if (ret == 0)
                ret = cri_call("RuntimeService/ListPodSandbox", (struct slice){0}, ASK_SECONDS, &sandboxes,
                               err);
        if (ret < 0)
                return error_wrap(err, ret, "list the containers of pods");
        ret = list_read(buffer_slice(&containers), buffer_slice(&sandboxes), &list);
        if (ret < 0)
                return ret == -ENOMEM ? error_oom(err) : malformed(err);
        *out = list;
        list = (struct container_list){0};
        return 0;
}

static bool container_fits(const struct container *container, const char *name)
{
        return *name && (text_starts_with(container->id, name) || strcmp(container->name, name) == 0 ||
                         strcmp(container->pod_container, name) == 0);
}

/* Takes one out of the list; of several that fit the one that runs, for those before it in the same pod have
 * ended. */
static int container_take(struct container_list *list, const char *name, struct container **out,
                          struct error *err)
{
        struct container **found = NULL;
        unsigned running = 0;

        for (struct container **at = list->items; at < list->items + list->count; at++) {
                bool runs = strcmp((*at)->state, "running") == 0;

                if (!container_fits(*at, name))
                        continue;
                running += runs;
                if (!found || runs || (!running && strcmp((*at)->created, (*found)->created) > 0))
                        found = at;
                if (strcmp((*at)->id, name) == 0) {
                        running = 1;
                        break;
                }
        }
        if (!found) {
                (void)error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "no pod here has a container `%s`",
                                name);
                return -ENOENT;
        }
        if (running > 1) {
                (void)error_set(err, &ERROR_CONTAINER_AMBIGUOUS, -ENOTUNIQ, "%u running containers fit `%s`",
                                running, name);
                error_set_hint(err, "Give it as NAMESPACE/POD/CONTAINER, or more of its id.");
                return -ENOTUNIQ;
        }
        *out = *found;
        *found = list->items[--list->count];
        return 0;
}

/* "io.containerd.runc.v2" is runc, unless the options name another program. */
static int runtime_read(yyjson_val *info, struct container *container)
{
        yyjson_val *options = yyjson_obj_get(info, "runtimeOptions");
        const char *type = json_text_or(info, "runtimeType", "");
        const char *program = json_text_or(options, "BinaryName", "");
        const char *name = text_starts_with(type, "io.containerd.") ? type + strlen("io.containerd.") : "";
        char *root;

        if (*program ? !container_set_text(&container->runtime, program)
            : *name  ? !text_take(&container->runtime,
                                  (struct slice){(const uint8_t *)name, strcspn(name, ".")})
                     : !*container->runtime && !container_set_text(&container->runtime, "runc"))
                return -ENOMEM;
        if (!text_starts_with(name, "runc."))
                return 0;
        if (asprintf(&root, "%s/k8s.io", json_text_or(options, "Root", CONTAINERD_RUNC_ROOT)) < 0)
                return -ENOMEM;
        free(container->runtime_root);
        container->runtime_root = root;
        return 0;
}

/* Where it usually is; nowhere when it is not there. */
static int bundle_find(struct container *container)
{
        bool is_containerd = *container->runtime_root;
        _cleanup_buffer_ struct buffer path = {0};

        if (buffer_printf(&path, "%s/%s%s", is_containerd ? CONTAINERD_BUNDLES : CRIO_BUNDLES, container->id,
                          is_containerd ? "" : "/userdata") < 0)
                return -ENOMEM;
        if (access(buffer_text(&path), F_OK) < 0)
                return 0;
        return container_set_text(&container->bundle, buffer_text(&path)) ? 0 : -ENOMEM;
}

static int status_take(const struct cri_status *status, yyjson_val *info, struct container *container)
{
        struct slice reference = status->image_ref;
        const uint8_t *at = reference.size ? memchr(reference.data, '@', reference.size) : NULL;

        if (!text_take(&container->image, status->image) || !text_take(&container->log, status->log) ||
            !container_set_text(&container->state, state_name(status->state)) ||
            runtime_read(info, container) < 0 || bundle_find(container) < 0)
                return -ENOMEM;
        if (at && !text_take(&container->image_digest,
                             (struct slice){at + 1, (size_t)(reference.data + reference.size - at) - 1}))
                return -ENOMEM;
        if (status->state == CRI_RUNNING)
                container->pid = (pid_t)json_uint_or(info, "pid", 0);
        return 0;
}

/* Fills in what the list does not say. */
static int container_complete(struct container *container, struct error *err)
{
        _cleanup_buffer_ struct buffer request = {0}, answer = {0};
        _cleanup_json_ yyjson_doc *info = NULL;
        struct cri_status status;
        int ret;

        if (cri_put_status(&request, container->id) < 0)
                return error_oom(err);
        ret = cri_call("RuntimeService/ContainerStatus", buffer_slice(&request), ASK_SECONDS, &answer, err);
        if (ret < 0)
                return error_wrap(err, ret, "container `%s`", container->name);
        if (cri_read_status(buffer_slice(&answer), &status) < 0)
                return malformed(err);
        if (status.info.size)
                ret = json_parse(status.info, "what the engine tells of the container", &info, err);
        if (ret < 0)
                return ret;
        return status_take(&status, yyjson_doc_get_root(info), container) < 0 ? error_oom(err) : 0;
}

int cri_inspect(const char *name, struct container **out, struct error *err)
{
        _cleanup_container_list_ struct container_list list = {0};
        _cleanup_container_ struct container *container = NULL;
        int ret = cri_list(&list, err);

        if (ret == 0)
                ret = container_take(&list, name, &container, err);
        if (ret == 0)
                ret = container_complete(container, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(container);
        return 0;
}
