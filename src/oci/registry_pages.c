/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_pages.h"

#include <errno.h>
#include "net/headers.h"
#include "net/url.h"

#define PAGE_LIMIT   (4 * MIB)
#define NAMES_A_PAGE "1000"

/* Address of the page after `current`; NULL: that was the last one. */
static int next_page(struct registry *registry, const struct http_response *response, const char *current,
                     char **next, struct error *err)
{
        const char *field = http_response_header(response, "Link"), *endpoint;
        _cleanup_free_ char *target = field ? http_link(field, "next") : NULL, *url = NULL;
        int ret;

        *next = NULL;
        if (!target)
                return 0;
        ret = registry_connect(registry, &endpoint, err);
        if (ret == 0)
                ret = registry_resolve(registry, current, target, &url, err);
        if (ret < 0)
                return ret;
        if (!url_same_origin(url, endpoint) || (current && strcmp(url, current) == 0))
                return error_set(err, &ERROR_REGISTRY_ANSWER, -EBADMSG,
                                 "`%s` says that a list goes on at a place where it cannot", registry->name);
        *next = steal_ptr(url);
        return 0;
}

int pages_get(struct registry *registry, const struct registry_call *call, page_sink sink, void *context,
              struct http_response *response, struct error *err)
{
        struct registry_call page = *call;
        _cleanup_free_ char *current = NULL;
        int ret = 0;

        page.limit = PAGE_LIMIT;
        for (;;) {
                _cleanup_json_ yyjson_doc *doc = NULL;
                char *next = NULL;

                page.url = current;
                ret = registry_request(registry, &page, response, err);
                if (ret < 0)
                        return ret;
                if (response->status != 200)
                        return current ? registry_refusal(registry, response, "get a list", err) : 0;
                ret = json_parse(buffer_slice(&response->body), "list of the registry", &doc, err);
                if (ret == 0)
                        ret = sink(context, yyjson_doc_get_root(doc), err);
                if (ret == 0)
                        ret = next_page(registry, response, current, &next, err);
                if (ret < 0 || !next)
                        return ret < 0 ? ret : 1;
                free(current);
                current = next;
        }
}

/* --- names --------------------------------------------------------------------------------------------- */

struct names {
        const char *key; /* of the array in a page */
        bool (*is_valid)(const char *name);
        registry_name_sink sink;
        void *context;
        const struct registry *registry;
};

static int take_names(void *context, yyjson_val *root, struct error *err)
{
        const struct names *names = context;
        yyjson_val *value;
        size_t i, max;

        yyjson_arr_foreach (yyjson_obj_get(root, names->key), i, max, value) {
                const char *name = yyjson_get_str(value);
                int ret;

                if (!name || strlen(name) != yyjson_get_len(value) || !names->is_valid(name))
                        return error_set(err, &ERROR_REGISTRY_ANSWER, -EBADMSG,
                                         "`%s` lists a name that cannot be one", names->registry->name);
                ret = names->sink(names->context, name, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

int registry_tags(struct registry *registry, registry_name_sink sink, void *context, struct error *err)
{
        struct names names = {"tags", image_tag_is_valid, sink, context, registry};
        struct registry_call call = {.method = "GET", .actions = "pull"};
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_free_ char *path = NULL;
        int ret;

        if (asprintf(&path, "%s/tags/list?n=" NAMES_A_PAGE, registry->repository) < 0) {
                path = NULL;
                return error_oom(err);
        }
        call.path = path;
        ret = pages_get(registry, &call, take_names, &names, &response, err);
        if (ret == 0)
                ret = registry_refusal(registry, &response, "list the tags", err);
        return ret < 0 ? ret : 0;
}

int registry_catalog(struct registry *registry, registry_name_sink sink, void *context, struct error *err)
{
        struct names names = {"repositories", registry_repository_is_valid, sink, context, registry};
        const struct registry_call call = {
                .method = "GET", .path = "_catalog?n=" NAMES_A_PAGE, .scope = "registry:catalog:*"};
        _cleanup_http_response_ struct http_response response = {0};
        int ret = pages_get(registry, &call, take_names, &names, &response, err);

        if (ret == 0)
                ret = registry_refusal(registry, &response, "list the repositories", err);
        return ret < 0 ? ret : 0;
}
