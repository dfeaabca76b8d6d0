/* SPDX-License-Identifier: Apache-2.0 */
/* An operation on a node, followed by its server-sent events (HTML standard, 9.2) until it ends. */
#include <errno.h>
#include "cli/node_internal.h"
#include "catalog/operation.h"
#include "net/url.h"
#include "program/memory.h"

#define EVENT_LIMIT (1 * MIB)
#define COME_AGAIN  20 /* times that a broken stream is taken up, one second after the other */

struct following {
        const char *id;
        const struct progress *progress;
        bool is_cancelled; /* that was asked for */
        struct buffer line;
        yyjson_doc *last; /* the operation, as it was told last */
};

static bool has_ended(const struct following *following)
{
        const char *phase = following->last ? json_text(yyjson_doc_get_root(following->last), "phase") : NULL;

        return phase && operation_phase_is_last(operation_phase_from_name(phase));
}

static int take_operation(struct following *following, struct slice text, struct error *err)
{
        yyjson_val *root;
        yyjson_doc *doc;
        int ret = json_parse(text, "an event of the node", &doc, err);

        if (ret < 0)
                return ret;
        yyjson_doc_free(following->last);
        following->last = doc;
        root = yyjson_doc_get_root(doc);
        if (!has_ended(following))
                progress_step(following->progress, json_text_or(root, "phase", ""),
                              json_uint_or(root, "done", 0), json_uint_or(root, "total", 0));
        return 0;
}

static int take_line(struct following *following, struct error *err)
{
        static const char prefix[] = "data: ";
        struct slice line = buffer_slice(&following->line), head;
        int ret = 0;

        if (slice_take(&line, strlen(prefix), &head) && memcmp(head.data, prefix, head.size) == 0)
                ret = take_operation(following, line, err);
        following->line.size = 0;
        return ret;
}

static int take_events(void *context, const struct http_response *response, struct slice bytes,
                       struct error *err)
{
        struct following *following = context;
        int ret = 0;

        for (size_t i = 0; i < bytes.size && ret == 0; i++) {
                if (bytes.data[i] == '\n')
                        ret = take_line(following, err);
                else if (following->line.size == EVENT_LIMIT)
                        ret = error_set(err, &ERROR_NODE, -EBADMSG, "the node sends a line without end");
                else
                        memory_check(buffer_append(&following->line, &bytes.data[i], 1));
        }
        return ret;
}

static bool wants_to_stop(void *context)
{
        const struct following *following = context;

        return !following->is_cancelled && progress_cancelled(following->progress);
}

static void path_of(const struct following *following, const char *rest, struct buffer *out)
{
        memory_check(buffer_append_text(out, "/operations/"));
        memory_check(url_escape(out, following->id));
        memory_check(buffer_append_text(out, rest));
}

/* The node undoes what was begun; the end of that is waited for. */
static void cancel(struct following *following)
{
        _cleanup_buffer_ struct buffer path = {0};

        path_of(following, "", &path);
        (void)node_ask("DELETE", buffer_text(&path), NULL, NULL, NULL);
        following->is_cancelled = true;
}

/* One stream, until it ends or breaks. */
static int listen_once(struct following *following, struct error *err)
{
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_buffer_ struct buffer path = {0};
        struct http_request request = {
                .method = "GET", .sink = take_events, .is_over = wants_to_stop, .context = following};

        following->line.size = 0;
        path_of(following, "/events", &path);
        return node_send(buffer_text(&path), NULL, &request, &response, err);
}

static int follow(struct following *following, struct error *err)
{
        int ret = 0;

        for (unsigned breaks = 0; !has_ended(following) && breaks < COME_AGAIN; breaks++) {
                if (breaks && !wants_to_stop(following))
                        sleep(1);
                *err = (struct error){0};
                ret = listen_once(following, err);
                if (has_ended(following))
                        break;
                if (wants_to_stop(following)) {
                        cancel(following);
                        continue;
                }
                if (ret == -ENOENT || ret == -EBADMSG)
                        return ret;
        }
        if (has_ended(following))
                return 0;
        return ret < 0 ? ret
                       : error_set(err, &ERROR_NODE, -EIO,
                                   "the node does not tell what became of operation `%s`", following->id);
}

/* One that failed may have something to tell, too. */
static yyjson_doc *result_of(const struct following *following)
{
        yyjson_val *result = yyjson_obj_get(yyjson_doc_get_root(following->last), "result");
        _cleanup_json_mut_ yyjson_mut_doc *copy = yyjson_mut_doc_new(NULL);
        yyjson_doc *out;

        memory_check(copy ? 0 : -1);
        yyjson_mut_doc_set_root(copy, yyjson_is_obj(result) ? yyjson_val_mut_copy(copy, result)
                                                            : yyjson_mut_obj(copy));
        out = yyjson_mut_doc_imut_copy(copy, NULL);
        memory_check(out ? 0 : -1);
        return out;
}

static int outcome(const struct following *following, struct error *err)
{
        yyjson_val *root = yyjson_doc_get_root(following->last);
        enum operation_phase phase = operation_phase_from_name(json_text(root, "phase"));

        *err = (struct error){0};
        if (phase == PHASE_DONE)
                return 0;
        if (phase == PHASE_CANCELLED)
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        return node_error(yyjson_obj_get(root, "error"), "the operation failed", err);
}

int node_operate(const char *path, yyjson_mut_doc *body, const struct progress *progress, yyjson_doc **result,
                 struct error *err)
{
        _cleanup_json_ yyjson_doc *begun = NULL;
        struct following following = {.progress = progress};
        int ret = node_ask("POST", path, body, &begun, err);

        *result = NULL;
        if (ret < 0)
                return ret;
        following.id = begun ? json_text(yyjson_doc_get_root(begun), "id") : NULL;
        if (!following.id)
                return error_set(err, &ERROR_NODE, -EBADMSG, "the node began no operation");
        ret = follow(&following, err);
        if (ret == 0) {
                *result = result_of(&following);
                ret = outcome(&following, err);
        }
        yyjson_doc_free(following.last);
        buffer_free(&following.line);
        return ret;
}
