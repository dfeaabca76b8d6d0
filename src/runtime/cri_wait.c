/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cri_private.h"

#include <errno.h>
#include "base/clock.h"
#include "runtime/oci.h"
#include "runtime/proc.h"

#define STEP_MS 4 /* between two looks at the container, which take some 50 us */

/* From the first look that saw the container stand to the last: the engine pauses it, then CRIU holds it,
 * then it is paused again while the engine reads its files. */
struct stillness {
        struct cgroup *cgroup; /* NULL: cannot be looked at */
        pid_t pid;
        uint64_t first_us, last_us;
};

static void stillness_look(struct stillness *stillness)
{
        enum cgroup_state state = CGROUP_THAWED;
        struct proc_process init;

        if (!stillness->cgroup || cgroup_read_state(stillness->cgroup, &state) < 0)
                return;
        if (state == CGROUP_THAWED && (proc_read(stillness->pid, &init, NULL) < 0 || !init.tracer))
                return;
        stillness->last_us = clock_monotonic_us();
        if (!stillness->first_us)
                stillness->first_us = stillness->last_us;
}

static int give_up(struct engine_call *call, int ret, const struct error_kind *kind, struct error *err)
{
        call->given_up = true;
        (void)error_set(err, kind, ret, "the checkpoint of `%s` %s", call->container->name,
                        kind == &ERROR_TIMEOUT ? "did not end in time" : "was cancelled");
        error_set_hint(err,
                       "The engine's call is not broken off, because the container would be left frozen: it "
                       "ends by itself, and its archive is then removed.");
        return ret;
}

int cri_wait(struct courier *courier, struct engine_call *call, struct error *err)
{
        struct stillness stillness = {.pid = call->container->pid};
        int r;

        (void)oci_cgroup(call->container, &stillness.cgroup, NULL);
        while ((r = courier_wait(courier, STEP_MS, err)) == 0) {
                stillness_look(&stillness);
                if (progress_cancelled(call->progress))
                        r = give_up(call, -ECANCELED, &ERROR_CANCELLED, err);
                else if (call->deadline_us && clock_monotonic_us() >= call->deadline_us)
                        r = give_up(call, -ETIMEDOUT, &ERROR_TIMEOUT, err);
                if (r < 0)
                        break;
        }
        cgroup_freep(&stillness.cgroup);
        call->frozen_us = stillness.last_us - stillness.first_us;
        return r < 0 ? r : 0;
}
