/* SPDX-License-Identifier: Apache-2.0 */
/* GET, DELETE /checkpoints/{id} and the list; pins. */
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"

#define LIST_DEFAULT 100
#define LIST_MOST    1000

static int respond_checkpoint(struct request *request, const char *id, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        yyjson_mut_doc *doc;
        int ret = catalog_get_checkpoint(node_catalog(request_node(request)), id, &checkpoint, err);

        if (ret < 0)
                return ret;
        doc = yyjson_mut_doc_new(NULL);
        if (doc)
                yyjson_mut_doc_set_root(doc, checkpoint_json(checkpoint, doc));
        return respond_json(request, 200, doc, err);
}

static int get_end(struct request *request, struct error *err)
{
        const char *id = request_parameter(request, "id");

        request_note(request, id);
        return respond_checkpoint(request, id, err);
}

const struct handler handle_checkpoint = {.end = get_end};

static int delete_end(struct request *request, struct error *err)
{
        const char *id = request_parameter(request, "id");
        int ret;

        request_note(request, id);
        ret = node_delete_checkpoint(request_node(request), id, err);
        return ret < 0 ? ret : request_respond_status(request, 204, err);
}

const struct handler handle_checkpoint_delete = {.end = delete_end};

static int set_pin(struct request *request, bool pinned, struct error *err)
{
        const char *id = request_parameter(request, "id");
        int ret;

        request_note(request, id);
        ret = node_pin_checkpoint(request_node(request), id, pinned, err);
        return ret < 0 ? ret : respond_checkpoint(request, id, err);
}

static int pin_put_end(struct request *request, struct error *err)
{
        return set_pin(request, true, err);
}

static int pin_delete_end(struct request *request, struct error *err)
{
        return set_pin(request, false, err);
}

const struct handler handle_pin_put = {.end = pin_put_end}, handle_pin_delete = {.end = pin_delete_end};

/* --- the list ---------------------------------------------------------------------------------------------
 */

/* Those that who asks may see; a page with a "next" is not the last, however few it shows. */
static int add_items(struct request *request, const struct checkpoint_list *list, yyjson_mut_doc *doc,
                     yyjson_mut_val *items, struct error *err)
{
        for (size_t i = 0; i < list->count; i++) {
                bool allowed;
                int ret = request_may(request, RIGHT_LIST, list->items[i]->namespace, &allowed, err);

                if (ret < 0)
                        return ret;
                if (allowed && !yyjson_mut_arr_append(items, checkpoint_json(list->items[i], doc)))
                        return error_oom(err);
        }
        return 0;
}

static int list_end(struct request *request, struct error *err)
{
        struct checkpoint_filter filter = {
                .namespace = request_query(request, "namespace"),
                .pod = request_query(request, "pod"),
                .container = request_query(request, "container"),
                .pod_uid = request_query(request, "podUid"),
                .group = request_query(request, "group"),
                .state = request_query(request, "state"),
                .after = request_query(request, "after"),
        };
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
        int ret = query_number(request, "limit", LIST_DEFAULT, LIST_MOST, &filter.limit, err);

        if (!root)
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        if (ret == 0 && filter.namespace)
                ret = request_needs(request, RIGHT_LIST, filter.namespace, err);
        if (ret == 0)
                ret = catalog_list_checkpoints(node_catalog(request_node(request)), &filter, &list, err);
        if (ret == 0)
                ret = add_items(request, &list, doc, yyjson_mut_obj_add_arr(doc, root, "items"), err);
        if (ret < 0)
                return ret;
        if (list.count == filter.limit)
                yyjson_mut_obj_add_strcpy(doc, root, "next", list.items[list.count - 1]->id);
        return respond_json(request, 200, steal_ptr(doc), err);
}

const struct handler handle_checkpoints = {.end = list_end};
