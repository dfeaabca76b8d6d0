/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capture_steps.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/verify.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "criu/cause.h"
#include "runtime/facts.h"
#include "runtime/guard.h"
#include "runtime/lock.h"
#include "runtime/mark.h"
#include "runtime/network.h"
#include "runtime/oci.h"
#include "runtime/preflight.h"
#include "runtime/rootfs.h"
#include "runtime/workspace.h"

/* Processes that do not stop within this are in the kernel, waiting for a device. */
#define FREEZE_TIMEOUT_MS 10000
/* Page images beyond one for each process: shared memory and memfds have their own. */
#define SPARE_PIPES 16

/* In the order that undoes: the dump is broken off (pages, guardian) before its directory goes, and the lock
 * is the last. */
void capture_free(struct capture *c)
{
        bool thawed;

        archive_writer_freep(&c->writer);
        pages_freep(&c->pages);
        thawed = !c->guard || guard_free(c->guard);
        cgroup_freep(&c->cgroup);
        workspace_free(&c->workspace);
        host_facts_freep(&c->host);
        if (c->marked && thawed)
                (void)unlink(c->mark);
        cleanup_close(&c->keeper);
        cleanup_close(&c->lock);
        free(c->environment);
        free(c->config_variable);
        free(c->key);
        free(c->mark);
        free(c->program);
        free(c->version);
}

static int check_cancelled(const struct capture *c, struct error *err)
{
        if (!progress_cancelled(c->progress))
                return 0;
        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
}

int capture_preflight(const struct container *container, const struct checkpoint_options *options,
                      const struct progress *progress, struct checkpoint_result *result, struct error *err)
{
        _cleanup_check_list_ struct check_list checks = {0};
        uint64_t begin = clock_monotonic_us();
        int r;

        progress_step(progress, "preflight", 0, 0);
        if (!container->pid)
                return error_set(err, &ERROR_CONTAINER_NOT_RUNNING, -ESRCH, "container `%s` is not running",
                                 container->name);
        r = preflight_checkpoint(container, options, &checks, err);
        if (r == 0 && !options->force && check_list_worst(&checks) == CHECK_FAILED)
                r = check_list_error(&checks, container->name, err);
        result->times.preflight_us = clock_monotonic_us() - begin;
        return r;
}

/* "PROGRAM [--root DIR] checkpoint … ID": crun and runc take the same options. */
static void runtime_arguments(struct capture *c)
{
        size_t n = 0;

        c->argv[n++] = c->program;
        if (*c->container->runtime_root) {
                c->argv[n++] = "--root";
                c->argv[n++] = c->container->runtime_root;
        }
        c->argv[n++] = "checkpoint";
        /* Also when it is to be stopped: ended it is by us, when the archive has been verified. */
        c->argv[n++] = "--leave-running";
        c->argv[n++] = "--image-path";
        c->argv[n++] = c->workspace.images;
        c->argv[n++] = "--work-path";
        c->argv[n++] = c->workspace.path;
        if (c->options->tcp == TCP_KEEP)
                c->argv[n++] = "--tcp-established";
        if (c->options->file_locks)
                c->argv[n++] = "--file-locks";
        c->argv[n++] = c->container->id;
        c->argv[n] = NULL;
}

static int runtime_environment(struct capture *c, struct error *err)
{
        static const char variable[] = "CRIU_CONFIG_FILE=";
        size_t count = 0, n = 0;

        if (asprintf(&c->config_variable, "%s%s", variable, c->workspace.config) < 0) {
                c->config_variable = NULL;
                return error_oom(err);
        }
        while (environ[count])
                count++;
        c->environment = calloc(count + 2, sizeof(*c->environment));
        if (!c->environment)
                return error_oom(err);
        for (char **e = environ; *e; e++)
                if (!text_starts_with(*e, variable))
                        c->environment[n++] = *e;
        c->environment[n] = c->config_variable;
        return 0;
}

/* Says what is to be undone, before there is anything: whoever kills us, the next command finds it. */
static int leave_mark(struct capture *c, struct error *err)
{
        struct mark mark = {.cgroup = c->thawed ? "" : cgroup_path(c->cgroup),
                            .keep_frozen = c->plan.keep_frozen,
                            .work_directory = c->workspace.path,
                            .parts = c->parts,
                            .parts_directory = c->parts_directory,
                            .temporary = archive_writer_temp_path(c->writer)};

        c->marked = true;
        return mark_write(c->mark, &mark, err);
}

int capture_announce(struct capture *c, struct error *err)
{
        struct mark mark = {.cgroup = "",
                            .temporary = "",
                            .work_directory = "",
                            .parts = c->parts,
                            .parts_directory = c->parts_directory};

        c->marked = true;
        return mark_write(c->mark, &mark, err);
}

/* Everything that can be known or made before the container is touched. */
static int prepare(struct capture *c, struct error *err)
{
        _cleanup_buffer_ struct buffer criu_options = {0};
        enum cgroup_state state = CGROUP_THAWED;
        unsigned processes;
        int r;

        c->program = process_find(c->container->runtime);
        if (!c->program)
                return error_set(err, &ERROR_TOOL_MISSING, -ENOENT, "the runtime `%s` is not installed",
                                 c->container->runtime);
        r = facts_runtime_version(c->program, &c->version, err);
        if (r == 0)
                r = host_facts_read(&c->host, err);
        if (r == 0)
                r = oci_cgroup(c->container, &c->cgroup, err);
        if (r == 0)
                r = cgroup_count(c->cgroup, &processes, err);
        if (r == 0 && c->options->stop && c->options->tcp == TCP_KEEP)
                r = c->parts ? network_check_not_host(c->container->pid, err)
                             : network_check_own(c->container->pid, c->cgroup, err);
        if (r == 0)
                r = cgroup_append_dump_options(c->cgroup, c->container->pid, &criu_options, err);
        if (r == 0 && (r = cgroup_read_state(c->cgroup, &state)) < 0)
                r = error_errno(err, -r, "read the state of `%s`", cgroup_path(c->cgroup));
        c->plan.keep_frozen = state != CGROUP_THAWED;
        if (r == 0)
                r = workspace_name(c->options->output, c->result->id, &c->workspace, err);
        if (r == 0)
                r = archive_writer_new(c->options->output, c->options->replace, &c->writer, err);
        if (r == 0)
                r = leave_mark(c, err);
        if (r == 0)
                r = workspace_open(&c->workspace, c->options, buffer_text(&criu_options), err);
        if (r == 0)
                r = pages_open(c->workspace.image_dir, processes + SPARE_PIPES, &c->pages, err);
        if (r == 0)
                r = runtime_environment(c, err);
        if (r == 0)
                runtime_arguments(c);
        return r;
}

static unsigned freeze_timeout_ms(const struct capture *c)
{
        uint64_t now = clock_monotonic_us(), left;

        if (!c->deadline_us)
                return FREEZE_TIMEOUT_MS;
        left = c->deadline_us > now ? (c->deadline_us - now) / 1000 : 0;
        return left < FREEZE_TIMEOUT_MS ? (unsigned)left : FREEZE_TIMEOUT_MS;
}

/* The guardian, and an archive to write to. */
static int begin(struct capture *c, struct error *err)
{
        bool keep_frozen = c->plan.keep_frozen;
        int r;

        c->plan = (struct guard_plan){.cgroup = c->cgroup,
                                      .keep_frozen = keep_frozen,
                                      .pages = c->pages,
                                      .program = c->program,
                                      .argv = c->argv,
                                      .environment = c->environment,
                                      .output = c->workspace.output,
                                      .lock = c->lock,
                                      .keeper = c->keeper,
                                      .freeze_timeout_ms = freeze_timeout_ms(c),
                                      .work_directory = c->workspace.path,
                                      .parts = c->parts,
                                      .parts_directory = c->parts_directory,
                                      .mark = c->mark};
        /* The writer has threads, which would not be there after the guardian's fork. */
        r = guard_start(&c->plan, &c->guard, err);
        if (r == 0)
                r = guard_watch(c->guard, archive_writer_temp_path(c->writer), err);
        if (r == 0)
                r = archive_writer_create(c->writer, c->options->compression, c->options->level, err);
        /* For a digest of the whole file both are made in the end side by side: to follow would only keep the
         * container frozen longer. */
        if (r == 0 && !c->options->digest)
                r = archive_writer_follow(c->writer, err);
        if (r == 0)
                r = archive_writer_add(c->writer, "checkpoint/", 0700, SLICE_TEXT(""), err);
        return r < 0 ? r : check_cancelled(c, err);
}

int capture_prepare(struct capture *c, struct error *err)
{
        int r = capture_preflight(c->container, c->options, c->progress, c->result, err);

        if (r == 0)
                r = prepare(c, err);
        return r < 0 ? r : begin(c, err);
}

int capture_freeze_begin(struct capture *c, struct error *err)
{
        progress_step(c->progress, "freeze", 0, 0);
        c->freeze_us = clock_monotonic_us();
        return guard_freeze_begin(c->guard, err);
}

int capture_freeze(struct capture *c, struct error *err)
{
        int r = guard_freeze(c->guard, &c->frozen_us, err);

        c->result->times.freeze_us = clock_monotonic_us() - c->freeze_us;
        return r < 0 ? error_wrap(err, r, "container `%s`", c->container->name) : 0;
}

/* The runtime said no: CRIU's log knows why. */
static int explain(const struct capture *c, int exit_status, struct error *err)
{
        _cleanup_buffer_ struct buffer criu = {0}, runtime = {0};
        int r = workspace_logs(&c->workspace, &criu, &runtime, err);

        if (r < 0)
                return r;
        if (criu.size || criu_cause_is_known(CRIU_ACTION_DUMP, buffer_slice(&runtime)))
                return criu_cause_explain(err, CRIU_ACTION_DUMP, c->container->name, buffer_slice(&criu),
                                          buffer_slice(&runtime));
        r = error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "`%s checkpoint` of `%s` failed with exit status %d",
                      c->container->runtime, c->container->name, exit_status);
        error_set_log(err, buffer_text(&runtime));
        return r;
}

/* Ends a dump that is not wanted any more; the container is then as CRIU left it, whole and frozen. */
static int dump_break(struct capture *c, int failure)
{
        int status;

        /* Its failure is not ours to report, and guard_free undoes the same. */
        if (guard_break(c->guard, NULL) < 0)
                return failure;
        pages_freep(&c->pages);
        c->pages = NULL;
        (void)guard_wait(c->guard, &status, NULL);
        return failure;
}

static int memory(struct capture *c, struct error *err)
{
        uint64_t begin = clock_monotonic_us();
        int r, status;

        progress_step(c->progress, "dump", 0, 0);
        r = cgroup_count(c->cgroup, &c->processes, err);
        if (r == 0)
                r = guard_run(c->guard, err);
        if (r < 0)
                return r;
        r = pages_copy(c->pages, c->writer, guard_descriptor(c->guard), c->deadline_us, c->progress, err);
        if (r < 0)
                return dump_break(c, r);
        r = guard_wait(c->guard, &status, err);
        if (r == 0 && status != 0)
                r = explain(c, status, err);
        if (r == 0)
                r = pages_remove(c->pages, err);
        c->result->times.dump_us = clock_monotonic_us() - begin;
        c->result->times.pages_size = pages_size(c->pages);
        return r;
}

/* What must be of the same instant as the memory. */
static int filesystem(struct capture *c, struct error *err)
{
        struct rootfs_result rootfs;
        uint64_t begin = clock_monotonic_us();
        int r;

        progress_step(c->progress, "filesystem", 0, 0);
        r = check_cancelled(c, err);
        if (r == 0)
                r = c->driver->describe(c->container, c->options, c->writer, err);
        if (r == 0)
                r = rootfs_add(c->container, c->writer, c->progress, &rootfs, err);
        if (r < 0)
                return r;
        c->rootfs_form = rootfs.form;
        c->result->times.rootfs_diff_size = rootfs.size;
        c->result->times.filesystem_us = clock_monotonic_us() - begin;
        return 0;
}

int capture_dump(struct capture *c, struct error *err)
{
        int r = memory(c, err);

        return r < 0 ? r : filesystem(c, err);
}

int capture_thaw_begin(struct capture *c, struct error *err)
{
        return guard_thaw_begin(c->guard, err);
}

int capture_thaw(struct capture *c, struct error *err)
{
        int r = guard_thaw(c->guard, err);

        c->result->times.frozen_us = clock_monotonic_us() - c->freeze_us;
        c->thawed = r == 0;
        /* From here on it may be frozen by others, and is not ours to thaw. */
        return r < 0 ? r : leave_mark(c, err);
}

static int seal(struct capture *c, struct error *err)
{
        const char *slash = strrchr(c->program, '/');
        struct capture_facts facts = {.id = c->result->id,
                                      .driver = c->driver,
                                      .container = c->container,
                                      .options = c->options,
                                      .host = c->host,
                                      .times = &c->result->times,
                                      .runtime_name = slash ? slash + 1 : c->program,
                                      .runtime_version = c->version,
                                      .rootfs_form = rootfs_form_name(c->rootfs_form),
                                      .processes = c->processes};
        _cleanup_buffer_ struct buffer text = {0};
        uint64_t begin = clock_monotonic_us();
        int r;

        progress_step(c->progress, "seal", 0, 0);
        r = workspace_add_images(&c->workspace, c->writer, err);
        if (r == 0)
                r = facts_write(&facts, &text, err);
        if (r == 0)
                r = archive_writer_seal(c->writer, buffer_slice(&text), c->progress,
                                        c->options->digest ? &c->result->digest : NULL, err);
        c->result->has_digest = r == 0 && c->options->digest;
        c->result->times.seal_us = clock_monotonic_us() - begin;
        return r;
}

static int verify(struct capture *c, struct error *err)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        uint64_t begin = clock_monotonic_us();
        int r;

        progress_step(c->progress, "verify", 0, 0);
        r = archive_verify_sealed(archive_writer_temp_path(c->writer), c->progress, &report, err);
        if (r == 0 && report.fault_count)
                r = verify_report_error(&report, c->options->output, err);
        c->result->times.verify_us = clock_monotonic_us() - begin;
        c->result->times.archive_size = archive_writer_output(c->writer);
        return r;
}

int capture_seal(struct capture *c, struct error *err)
{
        int r = seal(c, err);

        if (r == 0)
                r = verify(c, err);
        return r < 0 ? r : check_cancelled(c, err);
}

int capture_commit(struct capture *c, struct error *err)
{
        int r = archive_writer_commit(c->writer, err);

        /* A directory that is committed as a whole must have nothing else in it. */
        return r < 0 ? r : file_remove_tree(AT_FDCWD, c->workspace.path, err);
}

int capture_stop(struct capture *c, struct error *err)
{
        int r = 0;

        progress_step(c->progress, "stop", 0, 0);
        if (c->options->tcp == TCP_KEEP)
                r = network_silence(c->container->pid, err);
        if (r == 0)
                r = c->driver->stop(c->container, err);
        c->result->times.frozen_us = clock_monotonic_us() - c->freeze_us;
        return r < 0 ? error_wrap(err, r, "the archive `%s` is complete, but the container was not stopped",
                                  c->options->output)
                     : 0;
}

int capture_lock(struct capture *c, struct error *err)
{
        c->begin_us = clock_monotonic_us();
        unique_id(c->result->id);
        if (c->options->timeout_s)
                c->deadline_us = c->begin_us + (uint64_t)c->options->timeout_s * 1000000;
        c->key = lock_key(c->container);
        c->mark = c->key ? mark_path(c->key) : NULL;
        if (!c->mark)
                return error_oom(err);
        c->lock = lock_acquire(c->container, c->deadline_us, c->progress, err);
        if (c->lock < 0)
                return c->lock;
        c->keeper = lock_acquire_keeper(c->container, err);
        if (c->keeper < 0)
                return c->keeper;
        /* Waiting for another checkpoint is not the time of this one. */
        if (c->deadline_us)
                c->deadline_us = clock_monotonic_us() + (uint64_t)c->options->timeout_s * 1000000;
        return mark_undo(c->mark, err);
}
