/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /checkpoint/{namespace}/{pod}/{container}: the kubelet's own API, in its statuses and words
 * (docs/node.md, "The kubelet's API"). The call waits for the operation; the operation never for the call.
 */
#include <errno.h>
#include "base/clock.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"
#include "sidecar/operations.h"

struct names {
        const char *namespace, *pod, *container;
};

static struct names names_of(const struct request *request)
{
        return (struct names){request_parameter(request, "namespace"), request_parameter(request, "pod"),
                              request_parameter(request, "container")};
}

/* "checkpointing of NAMESPACE/POD/CONTAINER failed (WHY)". */
static int failed(const struct names *names, const char *why, struct error *err)
{
        char copy[sizeof(err->text)];

        snprintf(copy, sizeof(copy), "%s", why);
        return error_set(err, &ERROR_AGENT_FAILED, -EIO, "checkpointing of %.100s/%.100s/%.100s failed (%s)",
                         names->namespace, names->pod, names->container, copy);
}

/* --- what is not there ------------------------------------------------------------------------------------
 */

static bool has_pod(const struct runtime_driver *driver, const struct names *names)
{
        _cleanup_container_list_ struct container_list list = {0};

        if (!driver->available() || driver->list(&list, NULL) < 0)
                return false;
        for (size_t i = 0; i < list.count; i++)
                if (strcmp(list.items[i]->pod_namespace, names->namespace) == 0 &&
                    strcmp(list.items[i]->pod, names->pod) == 0)
                        return true;
        return false;
}

static int does_not_exist(const struct request *request, const struct names *names, struct error *err)
{
        const struct runtime_driver *const *drivers = node_options(request_node(request))->drivers;

        for (size_t i = 0; drivers[i]; i++)
                if (has_pod(drivers[i], names))
                        return error_set(err, &ERROR_AGENT_NOT_FOUND, -ENOENT,
                                         "container %.250s does not exist", names->container);
        return error_set(err, &ERROR_AGENT_NOT_FOUND, -ENOENT, "pod does not exist");
}

/* --- waiting ----------------------------------------------------------------------------------------------
 */

/* Seconds that the call may take: of zero, less or nothing the default, as the kubelet has it. */
static int read_timeout(struct request *request, uint64_t *out, struct error *err)
{
        const char *text = request_query(request, "timeout");
        char *end;
        long long seconds = 0;

        errno = 0;
        if (text)
                seconds = strtoll(text, &end, 10);
        if (text && (errno || end == text || *end || text[strspn(text, "+-0123456789")]))
                return error_set(err, &ERROR_AGENT_NOT_FOUND, -EINVAL,
                                 "cannot parse value of timeout parameter");
        *out = seconds > 0 ? (uint64_t)seconds : request_options(request)->checkpoint_seconds;
        return 0;
}

/* Milliseconds until then, as much as a wait can take; 0: it is past. */
static int left_ms(uint64_t start_us, uint64_t seconds)
{
        uint64_t gone = (clock_monotonic_us() - start_us) / 1000, all;

        if (mul_overflow(seconds, (uint64_t)1000, &all))
                all = UINT64_MAX;
        if (gone >= all)
                return 0;
        return all - gone < 60000 ? (int)(all - gone) : 60000;
}

/* `out` stays NULL when it has not ended by then. */
static int wait_for_end(struct node *node, const char *id, uint64_t seconds, struct operation **out,
                        struct error *err)
{
        uint64_t start = clock_monotonic_us(), version = 0;
        int left;

        while ((left = left_ms(start, seconds)) > 0) {
                _cleanup_operation_ struct operation *operation = NULL;
                int ret = node_watch(node, id, &version, left, &operation, err);

                if (ret < 0)
                        return ret;
                if (operation && operation_phase_is_last(operation->phase)) {
                        *out = steal_ptr(operation);
                        return 0;
                }
        }
        return 0;
}

/* --- the answer -------------------------------------------------------------------------------------------
 */

static int respond_path(struct request *request, const struct operation *operation, struct error *err)
{
        _cleanup_json_ yyjson_doc *result = NULL;
        yyjson_mut_doc *doc;
        yyjson_mut_val *root;
        const char *path;
        int ret = json_parse(SLICE_TEXT(operation->result), "the result", &result, err);

        if (ret < 0)
                return ret;
        path = json_text(yyjson_obj_get(yyjson_doc_get_root(result), "checkpoint"), "path");
        if (!path)
                return error_set(err, &ERROR_INTERNAL, -EIO, "the result of %s names no file", operation->id);
        doc = yyjson_mut_doc_new(NULL);
        root = doc ? yyjson_mut_obj(doc) : NULL;
        if (root) {
                yyjson_mut_doc_set_root(doc, root);
                yyjson_mut_arr_add_strcpy(doc, yyjson_mut_obj_add_arr(doc, root, "items"), path);
        }
        return respond_json(request, 200, doc, err);
}

static int answer(struct request *request, const struct names *names, const char *id,
                  const struct operation *operation, struct error *err)
{
        char why[64 + UNIQUE_ID_SIZE];

        if (!operation) {
                snprintf(why, sizeof(why), "operation %s goes on: no result in time", id);
                return failed(names, why, err);
        }
        if (operation->phase == PHASE_DONE)
                return respond_path(request, operation, err);
        return failed(names, *operation->error_text ? operation->error_text : "cancelled", err);
}

static yyjson_mut_doc *wish(const struct names *names)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

        if (!root)
                return doc;
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_obj_add_strcpy(doc, root, "namespace", names->namespace);
        yyjson_mut_obj_add_strcpy(doc, root, "pod", names->pod);
        yyjson_mut_obj_add_strcpy(doc, root, "container", names->container);
        return doc;
}

static int checkpoint_end(struct request *request, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        const struct names names = names_of(request);
        struct error why = {0};
        char id[UNIQUE_ID_SIZE];
        uint64_t seconds = 0;
        int ret = read_timeout(request, &seconds, err);

        if (ret < 0)
                return ret;
        ret = operation_submit(request, "checkpoint", wish(&names), id, &why);
        if (ret == -ENOENT)
                return does_not_exist(request, &names, err);
        if (ret == 0)
                ret = wait_for_end(request_node(request), id, seconds, &operation, &why);
        return ret < 0 ? failed(&names, why.text, err) : answer(request, &names, id, operation, err);
}

/* A body says nothing to the kubelet, nor to us. */
const struct handler handle_kubelet_checkpoint = {.end = checkpoint_end};
