/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capture.h"

#include "base/clock.h"
#include "runtime/capture_steps.h"

/* What the caller must have done before the container may be ended. */
static int completed(struct capture *c, struct error *err)
{
        c->result->times.total_us = clock_monotonic_us() - c->begin_us;
        return c->options->completed ? c->options->completed(c->options->context, c->result, err) : 0;
}

static int by_ourselves(struct capture *c, struct error *err)
{
        int r = capture_prepare(c, err);

        if (r == 0)
                r = capture_freeze_begin(c, err);
        if (r == 0)
                r = capture_freeze(c, err);
        if (r == 0)
                r = capture_dump(c, err);
        if (r == 0 && !c->options->stop)
                r = capture_thaw(c, err);
        if (r == 0)
                r = capture_seal(c, err);
        if (r == 0)
                r = capture_commit(c, err);
        if (r == 0)
                r = completed(c, err);
        if (r == 0 && c->options->stop)
                r = capture_stop(c, err);
        return r;
}

static int by_engine(struct capture *c, struct error *err)
{
        struct engine_call call = {.container = c->container,
                                   .options = c->options,
                                   .progress = c->progress,
                                   .mark = c->mark,
                                   .lock = c->lock,
                                   .keeper = c->keeper,
                                   .deadline_us = c->deadline_us};
        int r = capture_by_engine(c->driver, &call, c->result, err);

        return r < 0 ? r : completed(c, err);
}

int capture_checkpoint(const struct runtime_driver *driver, const struct container *container,
                       const struct checkpoint_options *options, const struct progress *progress,
                       struct checkpoint_result *out, struct error *err)
{
        _cleanup_(capture_free) struct capture c = {.driver = driver,
                                                    .container = container,
                                                    .options = options,
                                                    .progress = progress,
                                                    .result = out,
                                                    CAPTURE_NONE};
        int r;

        *out = (struct checkpoint_result){0};
        r = capture_lock(&c, err);
        if (r == 0)
                r = driver->checkpoint ? by_engine(&c, err) : by_ourselves(&c, err);
        out->times.total_us = clock_monotonic_us() - c.begin_us;
        return r;
}
