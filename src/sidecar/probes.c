/* SPDX-License-Identifier: Apache-2.0 */
/* What machines ask to see whether we are well. */
#include <stdatomic.h>
#include "sidecar/agent.h"
#include "sidecar/handlers.h"
#include "sidecar/log.h"
#include "sidecar/traffic.h"

static int live_end(struct request *request, struct error *err)
{
        return request_respond_bytes(request, 200, "text/plain; charset=utf-8", SLICE_TEXT("ok"), err);
}

/* Anybody may ask: the answer has the kind of reason, the log has the rest when it is a new one. */
static int ready_end(struct request *request, struct error *err)
{
        static _Atomic(const struct error_kind *) last;
        struct error why = {0};
        char text[256];

        if (node_ready(request_node(request), &why) == 0)
                why.kind = NULL;
        if (atomic_exchange(&last, why.kind) != why.kind && why.kind)
                log_error("not ready", &why);
        if (!why.kind)
                return live_end(request, err);
        snprintf(text, sizeof(text), "not ready: %s [%s]\n", why.kind->title, why.kind->code);
        return request_respond_bytes(request, 503, "text/plain; charset=utf-8", SLICE_TEXT(text), err);
}

const struct handler handle_live = {.end = live_end}, handle_ready = {.end = ready_end};

static int metrics_end(struct request *request, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        int ret = node_metrics(request_node(request), &text, err);

        if (ret == 0)
                ret = traffic_metrics(request_traffic(request), &text, err);
        return ret < 0 ? ret
                       : request_respond_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                                               buffer_slice(&text), err);
}

const struct handler handle_metrics = {.end = metrics_end};
