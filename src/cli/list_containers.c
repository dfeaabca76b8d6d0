/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_containers.h"

#include "cli/answer.h"
#include "cli/table.h"
#include "runtime/runtime.h"

#define ID_SHOWN 12 /* characters, which `create` takes for the whole */

static void add_row(struct table *table, const struct container *container)
{
        char id[ID_SHOWN + 1];

        snprintf(id, sizeof(id), "%s", container->id);
        table_cell(table, container->name);
        table_cell(table, id);
        table_cell(table, container->engine);
        table_cell(table, container->state);
        table_cell(table, container->image);
}

static void add_object(yyjson_mut_doc *doc, const struct container *container)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc));

        answer_add_text(doc, object, "id", container->id);
        answer_add_text(doc, object, "name", container->name);
        answer_add_text(doc, object, "engine", container->engine);
        answer_add_text(doc, object, "state", container->state);
        answer_add_text(doc, object, "image", container->image);
        answer_add_text(doc, object, "createdAt", container->created);
        answer_add_text(doc, object, "namespace", container->pod_namespace);
        answer_add_text(doc, object, "pod", container->pod);
        answer_add_text(doc, object, "podUid", container->pod_uid);
        answer_add_text(doc, object, "container", container->pod_container);
}

int list_containers(bool json, struct error *err)
{
        static const char *const headings[] = {"NAME", "ID", "ENGINE", "STATE", "IMAGE"};
        _cleanup_table_ struct table *table = table_new();
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();

        yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
                table_column(table, headings[i]);
        for (const struct runtime_driver *const *driver = runtime_drivers; *driver; driver++) {
                _cleanup_container_list_ struct container_list list = {0};
                struct error why = {0};

                if ((*driver)->available() && (*driver)->list(&list, &why) < 0)
                        error_print(&why, stderr);
                for (size_t i = 0; i < list.count; i++) {
                        add_row(table, list.items[i]);
                        add_object(doc, list.items[i]);
                }
        }
        if (json)
                return answer_print(doc, err);
        table_print(table, stdout);
        return 0;
}
