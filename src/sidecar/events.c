/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as they change, as server-sent events (HTML standard, 9.2): "event: operation", the id that a
 * client sends back as Last-Event-ID when it comes again, the operation as data. The stream of one operation
 * ends when that does; a client that comes again after the end gets 204, which tells it to stay away.
 */
#include <errno.h>
#include "net/headers.h"
#include "sidecar/agent.h"
#include "sidecar/answer.h"
#include "sidecar/authority.h"
#include "sidecar/handlers.h"

#define RETRY_MS     2000  /* a client whose connection broke waits for so long */
#define HEARTBEAT_MS 15000 /* a comment at least so often, so that nobody in between takes it for dead */
#define STEP_MS      1000  /* the end of the server is noticed within this */

struct events {
        struct request *request;
        char *id; /* NULL: of all operations */
        uint64_t version;
        struct buffer pending; /* not sent yet, from `sent` on */
        size_t sent;
        unsigned silent_ms;
        bool ended;
};

static void events_free(void *context)
{
        struct events *events = context;

        free(events->id);
        buffer_free(&events->pending);
        free(events);
}

static int put_event(struct events *events, const struct operation *operation)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer data = {0};
        int ret = doc ? 0 : -ENOMEM;

        if (ret == 0) {
                yyjson_mut_doc_set_root(doc, operation_json(operation, doc));
                ret = yyjson_mut_doc_get_root(doc) ? json_write(doc, false, &data, NULL) : -ENOMEM;
        }
        if (ret == 0)
                ret = buffer_printf(&events->pending, "id: %llu\nevent: operation\ndata: %s\n\n",
                                    (unsigned long long)events->version, buffer_text(&data));
        events->ended = events->id && operation_phase_is_last(operation->phase);
        return ret;
}

/* Puts what is next into `pending`, or nothing when it is not for who asks. */
static int take_event(struct events *events, int timeout_ms)
{
        _cleanup_operation_ struct operation *operation = NULL;
        bool allowed = true;
        int ret = node_watch(request_node(events->request), events->id, &events->version, timeout_ms,
                             &operation, NULL);

        if (ret == 0 && operation && !events->id)
                ret = request_may(events->request, RIGHT_LIST, operation->namespace, &allowed, NULL);
        if (ret < 0)
                return ret;
        if (operation && allowed)
                return put_event(events, operation);
        events->silent_ms += operation ? 0 : (unsigned)timeout_ms;
        return 0;
}

static int fill(struct events *events)
{
        int ret = 0;

        events->pending.size = events->sent = 0;
        while (ret == 0 && !events->pending.size && !request_is_ending(events->request)) {
                ret = take_event(events, STEP_MS);
                if (ret == 0 && !events->pending.size && events->silent_ms >= HEARTBEAT_MS)
                        ret = buffer_append_text(&events->pending, ":\n\n");
        }
        events->silent_ms = 0;
        return ret;
}

static ssize_t events_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct events *events = context;
        size_t left = events->pending.size - events->sent;

        if (!left && !events->ended) {
                int ret = fill(events);

                if (ret < 0)
                        return ret;
                left = events->pending.size;
        }
        if (left > size)
                left = size;
        if (left)
                memcpy(data, events->pending.data + events->sent, left);
        events->sent += left;
        return (ssize_t)left;
}

/* Nothing that is new can follow. */
static int is_over(struct events *events, bool *out, struct error *err)
{
        _cleanup_operation_ struct operation *operation = NULL;
        int ret = 0;

        *out = false;
        if (!events->id || !events->version)
                return 0;
        ret = node_operation(request_node(events->request), events->id, &operation, err);
        if (ret == 0 && operation_phase_is_last(operation->phase))
                ret = take_event(events, 0);
        *out = ret == 0 && operation_phase_is_last(operation->phase) && !events->pending.size;
        return ret;
}

static int begin_events(struct request *request, const char *id, struct error *err)
{
        struct response_source source = {.read = events_read, .free = events_free};
        struct events *events = calloc(1, sizeof(*events));
        const char *last = request_header(request, "Last-Event-ID");
        bool over = false;
        int ret;

        if (!events)
                return error_oom(err);
        source.context = events;
        events->request = request;
        events->id = id ? strdup(id) : NULL;
        if (last && !http_number(last, &events->version))
                events->version = 0;
        ret = id && !events->id ? error_oom(err) : is_over(events, &over, err);
        if (ret == 0 && !over && !last && buffer_printf(&events->pending, "retry: %d\n\n", RETRY_MS) < 0)
                ret = error_oom(err);
        if (ret == 0 && !over)
                ret = request_set_header(request, err, "Cache-Control", "no-store");
        if (ret < 0 || over) {
                events_free(events);
                return ret < 0 ? ret : request_respond_status(request, 204, err);
        }
        return request_respond_stream(request, 200, "text/event-stream", RESPONSE_SIZE_UNKNOWN, &source, err);
}

static int operation_events_end(struct request *request, struct error *err)
{
        return begin_events(request, request_parameter(request, "id"), err);
}

static int events_end(struct request *request, struct error *err)
{
        return begin_events(request, NULL, err);
}

const struct handler handle_operation_events = {.end = operation_events_end},
                     handle_events = {.end = events_end};
