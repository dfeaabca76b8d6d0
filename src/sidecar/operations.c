/* SPDX-License-Identifier: Apache-2.0 */
/* What begins an operation, shows or cancels it. */
#include "sidecar/operations.h"

#include <errno.h>
#include "runtime/runtime.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"

#define LIST_DEFAULT 100
#define LIST_MOST    1000

int operation_submit(struct request *request, const char *kind, yyjson_mut_doc *taken, char *id,
                     struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = taken;
        _cleanup_buffer_ struct buffer text = {0};
        struct node_request wanted = {.kind = kind, .requester = request_principal(request)->name};
        yyjson_mut_val *priority;
        int ret = doc && yyjson_mut_doc_get_root(doc) ? json_write(doc, false, &text, err) : error_oom(err);

        if (ret < 0)
                return ret;
        priority = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "priority");
        if (priority && (!yyjson_mut_is_int(priority) || yyjson_mut_get_sint(priority) < -1000 ||
                         yyjson_mut_get_sint(priority) > 1000))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL,
                                 "`priority` is a whole number from -1000 to 1000");
        wanted.priority = (int)yyjson_mut_get_sint(priority);
        wanted.body = buffer_slice(&text);
        ret = node_submit(request_node(request), &wanted, id, err);
        if (ret == 0)
                request_note(request, id);
        return ret;
}

static int respond_operation(struct request *request, unsigned status, const char *id, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        yyjson_mut_doc *doc;
        int ret = node_operation(request_node(request), id, &operation, err);

        if (ret < 0)
                return ret;
        doc = yyjson_mut_doc_new(NULL);
        if (doc)
                yyjson_mut_doc_set_root(doc, operation_json(operation, doc));
        return respond_json(request, status, doc, err);
}

/* Begins it, and says where it can be followed. Takes `doc`. */
static int begin_operation(struct request *request, const char *kind, yyjson_mut_doc *doc, struct error *err)
{
        char id[UNIQUE_ID_SIZE];
        int ret = operation_submit(request, kind, doc, id, err);

        if (ret == 0)
                ret = request_set_header(request, err, "Location", "/operations/%s", id);
        return ret < 0 ? ret : respond_operation(request, 202, id, err);
}

/* --- requests ---------------------------------------------------------------------------------------------
 */

/* What was sent, to be added to. */
static int read_body(const struct request *request, yyjson_mut_doc **out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        int ret = body_parse(body_bytes(request), &doc, err);

        if (ret < 0)
                return ret;
        *out = yyjson_doc_mut_copy(doc, NULL);
        return *out ? 0 : error_oom(err);
}

static const char *member(yyjson_mut_doc *doc, const char *name)
{
        return yyjson_mut_get_str(yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), name));
}

/* The container that is named by its id alone, as the node will find it. */
static int find_container(const struct request *request, const char *id, const char *engine,
                          struct container **out, struct error *err)
{
        const struct runtime_driver *const *drivers = node_options(request_node(request))->drivers;

        for (size_t i = 0; drivers[i]; i++) {
                int ret;

                if (engine && *engine && strcmp(drivers[i]->name, engine) != 0)
                        continue;
                ret = drivers[i]->inspect(id, out, err);
                if (ret != -ENOENT)
                        return ret;
        }
        return error_set(err, &ERROR_CONTAINER_NOT_FOUND, -ENOENT, "there is no container `%.80s`", id);
}

/* Its namespace is the one that counts. The whole id, in place of a name or its beginning, which could be
 * another's when the node looks for it. */
static int check_container(const struct request *request, yyjson_mut_doc *doc, const char *id,
                           struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
        int ret = find_container(request, id, member(doc, "engine"), &container, err);

        if (ret < 0)
                return ret;
        (void)yyjson_mut_obj_remove_key(root, "containerId");
        if (!yyjson_mut_obj_add_strcpy(doc, root, "containerId", container->id))
                return error_oom(err);
        return request_needs(request, RIGHT_CREATE, container->pod_namespace, err);
}

static int check_namespace(const struct request *request, yyjson_mut_doc *doc, struct error *err)
{
        const char *id = member(doc, "containerId"), *namespace = member(doc, "namespace");

        if (id && *id)
                return check_container(request, doc, id, err);
        return request_needs(request, RIGHT_CREATE, namespace && *namespace ? namespace : "default", err);
}

/* Without a container, all of the pod. */
static int checkpoint_post_end(struct request *request, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        bool is_one;
        int ret = read_body(request, &doc, err);

        if (ret == 0)
                ret = check_namespace(request, doc, err);
        if (ret < 0)
                return ret;
        is_one = member(doc, "container") || member(doc, "containerId");
        return begin_operation(request, is_one ? "checkpoint" : "checkpoint-pod", steal_ptr(doc), err);
}

/* Of the checkpoint in the path, which the request must not name otherwise. */
static int begin_for_checkpoint(struct request *request, const char *kind, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        yyjson_mut_val *root;
        int ret = read_body(request, &doc, err);

        if (ret < 0)
                return ret;
        root = yyjson_mut_doc_get_root(doc);
        (void)yyjson_mut_obj_remove_key(root, "id");
        if (!yyjson_mut_obj_add_strcpy(doc, root, "id", request_parameter(request, "id")))
                return error_oom(err);
        /* What an archive asks of the machine itself is not of its namespace. */
        if (yyjson_mut_obj_get(root, "force"))
                ret = request_needs(request, RIGHT_RESTORE, "", err);
        if (ret < 0)
                return ret;
        return begin_operation(request, kind, steal_ptr(doc), err);
}

static int verify_end(struct request *request, struct error *err)
{
        return begin_for_checkpoint(request, "verify", err);
}

static int restore_end(struct request *request, struct error *err)
{
        return begin_for_checkpoint(request, "restore", err);
}

/* What is fetched has a namespace that only its other node knows: who may create on the whole node. */
static int fetch_end(struct request *request, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = NULL;
        int ret = read_body(request, &doc, err);

        if (ret == 0)
                ret = request_needs(request, RIGHT_CREATE, "", err);
        return ret < 0 ? ret : begin_operation(request, "fetch", steal_ptr(doc), err);
}

#define WITH_BODY(function) {.begin = body_begin, .body = body_part, .end = (function), .free = body_free}

const struct handler handle_checkpoint_post = WITH_BODY(checkpoint_post_end),
                     handle_verify = WITH_BODY(verify_end), handle_restore = WITH_BODY(restore_end),
                     handle_fetch = WITH_BODY(fetch_end);

/* --- one --------------------------------------------------------------------------------------------------
 */

static int get_end(struct request *request, struct error *err)
{
        return respond_operation(request, 200, request_parameter(request, "id"), err);
}

const struct handler handle_operation = {.end = get_end};

static int cancel_end(struct request *request, struct error *err)
{
        const char *id = request_parameter(request, "id");
        int ret;

        request_note(request, id);
        ret = node_cancel(request_node(request), id, err);
        return ret < 0 ? ret : respond_operation(request, 202, id, err);
}

const struct handler handle_operation_cancel = {.end = cancel_end};

/* --- the list, newest first -------------------------------------------------------------------------------
 */

static bool is_asked_for(struct request *request, const char *name, const char *value)
{
        const char *wanted = request_query(request, name);

        return !wanted || strcmp(wanted, value) == 0;
}

/* As it is now: the catalog does not know how far those are that run. */
static int add_item(struct request *request, const char *id, yyjson_mut_doc *doc, yyjson_mut_val *items,
                    struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        int ret = node_operation(request_node(request), id, &operation, err);

        if (ret < 0)
                return ret == -ENOENT ? 0 : ret; /* forgotten since */
        return yyjson_mut_arr_append(items, operation_json(operation, doc)) ? 0 : error_oom(err);
}

static int add_items(struct request *request, const struct operation_list *list, unsigned limit,
                     yyjson_mut_doc *doc, struct error *err)
{
        yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
        yyjson_mut_val *items = yyjson_mut_obj_add_arr(doc, root, "items");
        const char *after = request_query(request, "after");
        bool is_past = !after, allowed;

        for (size_t i = 0; i < list->count; i++) {
                const struct operation *each = list->items[i];
                int ret;

                if (!is_past) {
                        is_past = strcmp(each->id, after) == 0;
                        continue;
                }
                if (!is_asked_for(request, "kind", each->kind) ||
                    !is_asked_for(request, "namespace", each->namespace) ||
                    !is_asked_for(request, "phase", operation_phase_name(each->phase)))
                        continue;
                ret = request_may(request, RIGHT_LIST, each->namespace, &allowed, err);
                if (ret == 0 && allowed)
                        ret = add_item(request, each->id, doc, items, err);
                if (ret < 0)
                        return ret;
                if (yyjson_mut_arr_size(items) < limit)
                        continue;
                yyjson_mut_obj_add_strcpy(doc, root, "next", each->id);
                break;
        }
        return 0;
}

static int list_end(struct request *request, struct error *err)
{
        _cleanup_operation_list_ struct operation_list list = {0};
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        unsigned limit;
        bool unfinished;
        int ret = query_number(request, "limit", LIST_DEFAULT, LIST_MOST, &limit, err);

        if (ret == 0)
                ret = query_flag(request, "unfinished", &unfinished, err);
        if (ret == 0)
                ret = catalog_list_operations(node_catalog(request_node(request)), unfinished, LIST_MOST,
                                              &list, err);
        if (ret < 0)
                return ret;
        if (!doc)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
        ret = add_items(request, &list, limit, doc, err);
        return ret < 0 ? ret : respond_json(request, 200, steal_ptr(doc), err);
}

const struct handler handle_operations = {.end = list_end};
