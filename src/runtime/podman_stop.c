/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/podman.h"

#include <errno.h>
#include "runtime/cgroup.h"

/* "podman kill" makes Podman note that the end is wanted, so that a restart policy does not bring it back.
 * The signal itself does nothing: the processes are frozen, and killed before they wake. */
static int forbid_restart(const struct container *container, struct error *err)
{
        const char *argv[] = {"podman", "kill", "--signal", "CONT", "--", container->id, NULL};
        _cleanup_process_result_ struct process_result result = {0};
        int ret = podman_run(argv, &result, err);

        if (ret == 0 && result.exit_status != 0)
                return error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "podman kill failed: %s",
                                 podman_complaint(&result));
        return ret;
}

int podman_stop(const struct container *container, struct error *err)
{
        const char *wait[] = {"podman", "wait", "--", container->id, NULL};
        _cleanup_process_result_ struct process_result result = {0};
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        int ret = cgroup_open(container->pid, "", &cgroup, err);

        if (ret == 0 && podman_record(container)->restarts)
                ret = forbid_restart(container, err);
        if (ret == 0)
                ret = cgroup_kill(cgroup, err);
        /* A container that is removed when it ends may be gone already, which is an end as well. */
        return ret < 0 ? ret : podman_run(wait, &result, err);
}
