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

static int give_up(int ret, const struct error_kind *kind, const struct container *container,
                   struct error *err)
{
        (void)error_set(err, kind, ret, "the checkpoint of `%s` %s", container->name,
                        kind == &ERROR_TIMEOUT ? "did not end in time" : "was cancelled");
        error_set_hint(
                err,
                "The engine's call is not broken off, because the container would be left frozen: it ends "
                "by itself, and its archive is then removed.");
        return ret;
}

int cri_wait(struct courier *courier, const struct container *container, uint64_t deadline_us,
             const struct progress *progress, char *path, uint64_t *frozen_us, struct error *err)
{
        struct stillness stillness = {.pid = container->pid};
        int r;

        (void)oci_cgroup(container, &stillness.cgroup, NULL);
        while ((r = courier_wait(courier, STEP_MS, path, err)) == 0) {
                stillness_look(&stillness);
                if (progress_cancelled(progress))
                        r = give_up(-ECANCELED, &ERROR_CANCELLED, container, err);
                else if (deadline_us && clock_monotonic_us() >= deadline_us)
                        r = give_up(-ETIMEDOUT, &ERROR_TIMEOUT, container, err);
                if (r < 0)
                        break;
        }
        cgroup_freep(&stillness.cgroup);
        *frozen_us = stillness.last_us - stillness.first_us;
        return r < 0 ? r : 0;
}
