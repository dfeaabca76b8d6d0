/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capture_engine.h"

#include <errno.h>
#include <sys/stat.h>
#include "archive/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "runtime/cri_private.h"
#include "runtime/mark.h"
#include "runtime/oci.h"
#include "runtime/workspace.h"

#define PAUSE_LIMIT_US (10 * 1000000ull) /* of a container that others have frozen for a moment */
#define PAUSE_STEP_US  50000

struct engine_capture {
        const struct runtime_driver *driver;
        struct engine_call *call;
        struct checkpoint_result *result;
        struct workspace workspace;
        struct cgroup *cgroup;
        char *path;
        bool marked, keep_mark; /* it is undone by the courier, when the call has ended, or by `recover` */
};

static void engine_capture_free(struct engine_capture *c)
{
        cgroup_freep(&c->cgroup);
        workspace_free(&c->workspace);
        if (c->marked && !c->keep_mark)
                (void)unlink(c->call->mark);
        free(c->path);
}

/* Somebody else's checkpoint is waited for; what stands longer was abandoned, or paused by hand. */
static int wait_for_thaw(const struct engine_capture *c, struct error *err)
{
        uint64_t limit = clock_monotonic_us() + PAUSE_LIMIT_US;
        enum cgroup_state state;
        int r;

        while ((r = cgroup_read_state(c->cgroup, &state)) == 0 && state != CGROUP_THAWED) {
                if (clock_monotonic_us() >= limit) {
                        (void)error_set(err, &ERROR_BUSY, -EBUSY, "container `%s` stands frozen",
                                        c->call->container->name);
                        error_set_hint(
                                err,
                                "Somebody may be checkpointing it. One that was abandoned is set free by "
                                "`checkpointctl recover`, three minutes after it was first seen.");
                        return -EBUSY;
                }
                usleep(PAUSE_STEP_US);
        }
        return r < 0 ? error_errno(err, -r, "read the state of `%s`", cgroup_path(c->cgroup)) : 0;
}

/* `cgroup` "": the container runs again, and may be frozen by others from now on. */
static int leave_mark(struct engine_capture *c, const char *cgroup, struct error *err)
{
        struct mark mark = {.cgroup = cgroup,
                            .temporary = "",
                            .work_directory = c->workspace.path,
                            .container = c->call->container->id};

        c->marked = true;
        return mark_write(c->call->mark, &mark, err);
}

static int prepare(struct engine_capture *c, struct error *err)
{
        const struct checkpoint_options *options = c->call->options;
        int r;

        if (!options->replace && access(options->output, F_OK) == 0)
                return error_errno(err, EEXIST, "write `%s`", options->output);
        r = oci_cgroup(c->call->container, &c->cgroup, err);
        if (r == 0)
                r = wait_for_thaw(c, err);
        if (r == 0)
                r = workspace_name(options->output, c->result->id, &c->workspace, err);
        if (r == 0)
                r = leave_mark(c, cgroup_path(c->cgroup), err);
        if (r < 0)
                return r;
        if (mkdir(c->workspace.path, 0700) < 0)
                return error_errno(err, errno, "make the directory `%s`", c->workspace.path);
        if (asprintf(&c->path, "%s/archive.tar", c->workspace.path) < 0) {
                c->path = NULL;
                return error_oom(err);
        }
        c->call->path = c->path;
        return 0;
}

/* The container must go on, whatever the engine says. */
static int dump(struct engine_capture *c, struct error *err)
{
        uint64_t begin = clock_monotonic_us();
        int r, released;

        progress_step(c->call->progress, "dump", 0, 0);
        r = c->driver->checkpoint(c->call, err);
        c->result->times.dump_us = clock_monotonic_us() - begin;
        c->result->times.frozen_us = c->call->frozen_us;
        c->keep_mark = true;
        if (c->call->given_up)
                return r;
        released = cri_release(c->call->container->id, c->cgroup, r < 0 ? NULL : err);
        c->keep_mark = released < 0;
        return r < 0 ? r : released < 0 ? released : leave_mark(c, "", err);
}

static int verify(struct engine_capture *c, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        uint64_t begin = clock_monotonic_us();
        struct stat status;
        int r;

        progress_step(c->call->progress, "verify", 0, 0);
        if (lstat(c->path, &status) < 0)
                return error_errno(err, errno, "look at the archive of `%s`", c->driver->name);
        r = archive_verify(c->path, c->call->progress, &report, err);
        if (r == 0 && report.fault_count)
                r = verify_report_error(&report, c->call->options->output, err);
        c->result->times.verify_us = clock_monotonic_us() - begin;
        c->result->times.archive_size = (uint64_t)status.st_size;
        return r < 0 ? error_wrap(err, r, "what `%s` wrote is refused", c->driver->name) : 0;
}

int capture_by_engine(const struct runtime_driver *driver, struct engine_call *call,
                      struct checkpoint_result *result, struct error *err)
{
        _cleanup_(engine_capture_free) struct engine_capture c = {
                .driver = driver, .call = call, .result = result, .workspace = WORKSPACE_NONE};
        int r = cri_check_options(call->options, err);

        if (r == 0)
                r = capture_preflight(call->container, call->options, call->progress, result, err);
        if (r == 0)
                r = prepare(&c, err);
        if (r == 0)
                r = dump(&c, err);
        if (r == 0)
                r = verify(&c, err);
        if (r == 0 && progress_cancelled(call->progress))
                r = error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        return r < 0 ? r : file_install(c.path, call->options->output, call->options->replace, err);
}
