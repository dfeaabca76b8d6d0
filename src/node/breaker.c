/* SPDX-License-Identifier: Apache-2.0 */
#include "node/breaker.h"

#include <errno.h>
#include "base/clock.h"

#define LOOK_EVERY_US 200000

void breaker_break(struct breaker *breaker, int r, const struct error *why)
{
        if (breaker->broken)
                return;
        breaker->broken = r;
        breaker->why = *why;
}

void breaker_enter(struct breaker *breaker, enum operation_phase phase)
{
        struct error why = {0};
        int r;

        if (breaker->broken || job_operation(breaker->job)->phase >= phase)
                return;
        r = job_enter(breaker->job, phase, NULL, &why);
        if (r < 0)
                breaker_break(breaker, r, &why);
}

static void look(struct breaker *breaker)
{
        uint64_t now = clock_monotonic_us();
        struct error why = {0};
        int r;

        if (breaker->broken || now - breaker->looked_us < LOOK_EVERY_US)
                return;
        breaker->looked_us = now;
        r = node_check_watermark(job_node(breaker->job), &why);
        if (r < 0)
                breaker_break(breaker, r, &why);
}

bool breaker_cancelled(struct breaker *breaker)
{
        look(breaker);
        return breaker->broken || progress_cancelled(job_progress(breaker->job));
}

int breaker_result(const struct breaker *breaker, int r, struct error *err)
{
        if (r != -ECANCELED || !breaker->broken)
                return r;
        if (err)
                *err = breaker->why;
        return breaker->broken;
}
