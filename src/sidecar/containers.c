/* SPDX-License-Identifier: Apache-2.0 */
/* GET /containers: what runs here, by the node's drivers. */
#include "runtime/runtime.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"
#include "sidecar/log.h"

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
        yyjson_mut_obj_add(object, yyjson_mut_str(doc, name), yyjson_mut_strcpy(doc, text));
}

static yyjson_mut_val *container_json(const struct container *container, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        add_text(doc, object, "id", container->id);
        add_text(doc, object, "name", container->name);
        add_text(doc, object, "engine", container->engine);
        add_text(doc, object, "state", container->state);
        add_text(doc, object, "image", container->image);
        add_text(doc, object, "createdAt", container->created);
        add_text(doc, object, "namespace", container->pod_namespace);
        add_text(doc, object, "pod", container->pod);
        add_text(doc, object, "podUid", container->pod_uid);
        add_text(doc, object, "container", container->pod_container);
        yyjson_mut_obj_add_int(doc, object, "pid", container->pid);
        return object;
}

static int add_driver(struct request *request, const struct runtime_driver *driver, yyjson_mut_doc *doc,
                      yyjson_mut_val *items, struct error *err)
{
        _cleanup_container_list_ struct container_list list = {0};
        const char *namespace = request_query(request, "namespace");
        int ret = driver->available() ? driver->list(&list, err) : 0;

        for (size_t i = 0; ret == 0 && i < list.count; i++) {
                bool allowed = false;

                if (namespace && strcmp(namespace, list.items[i]->pod_namespace) != 0)
                        continue;
                ret = request_may(request, RIGHT_LIST, list.items[i]->pod_namespace, &allowed, err);
                if (allowed)
                        yyjson_mut_arr_append(items, container_json(list.items[i], doc));
        }
        return ret;
}

/* A driver that cannot say what it has does not hide what others have: "errors" names it. */
static int list_end(struct request *request, struct error *err)
{
        const struct runtime_driver *const *drivers = node_options(request_node(request))->drivers;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL, *items, *errors;

        if (!root)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        items = yyjson_mut_obj_add_arr(doc, root, "items");
        errors = yyjson_mut_obj_add_arr(doc, root, "errors");
        for (size_t i = 0; drivers[i]; i++) {
                struct error failed = {0};

                if (add_driver(request, drivers[i], doc, items, &failed) < 0) {
                        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, errors);

                        log_error("containers cannot be listed", &failed);
                        add_text(doc, object, "engine", drivers[i]->name);
                        add_text(doc, object, "code", error_code(&failed));
                }
        }
        return respond_json(request, 200, steal_ptr(doc), err);
}

const struct handler handle_containers = {.end = list_end};
