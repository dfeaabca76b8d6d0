/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include "base/clock.h"
#include "base/file.h"
#include "runtime/proc.h"
#include "runtime/runtime.h"

#define DEPTH_LIMIT       32
#define POLL_STEP_US      500
#define POLL_STEP_MOST_US 10000
#define KILL_LIMIT_US     (10 * 1000000ull)

struct cgroup {
        unsigned version;
        int dir;
        char *group; /* its path as in /proc/PID/cgroup; NULL when it was opened by its directory */
        char path[];
};

static int cgroup_new(const char *path, unsigned version, struct cgroup **out, struct error *err)
{
        _cleanup_cgroup_ struct cgroup *cgroup = calloc(1, sizeof(*cgroup) + strlen(path) + 1);

        if (!cgroup)
                return error_oom(err);
        strcpy(cgroup->path, path);
        cgroup->version = version;
        cgroup->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cgroup->dir < 0)
                return error_errno(err, errno, "open the control group `%s`", path);
        *out = steal_ptr(cgroup);
        return 0;
}

int cgroup_open_path(const char *path, struct cgroup **out, struct error *err)
{
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        int r = cgroup_new(path, 2, &cgroup, err);

        if (r < 0)
                return r;
        if (faccessat(cgroup->dir, "freezer.state", F_OK, 0) == 0)
                cgroup->version = 1;
        else if (faccessat(cgroup->dir, "cgroup.freeze", F_OK, 0) < 0)
                return error_set(err, &ERROR_FREEZE, -ENOENT, "`%s` is no control group with a freezer",
                                 path);
        *out = steal_ptr(cgroup);
        return 0;
}

static int read_proc(const char *pid, const char *name, struct buffer *out, struct error *err)
{
        char path[64];

        snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
        return file_read(AT_FDCWD, path, 4 * MIB, out, err);
}

int cgroup_open(pid_t pid, const char *runtime_path, struct cgroup **out, struct error *err)
{
        _cleanup_buffer_ struct buffer groups = {0}, mounts = {0};
        _cleanup_free_ struct cgroup_location *location = malloc(sizeof(*location));
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        char number[16];
        int r;

        if (!location)
                return error_oom(err);
        snprintf(number, sizeof(number), "%d", pid);
        r = read_proc(number, "cgroup", &groups, err);
        if (r == 0)
                r = read_proc("self", "mountinfo", &mounts, err);
        if (r == 0)
                r = cgroup_locate(buffer_text(&groups), buffer_text(&mounts), runtime_path, location, err);
        if (r == 0)
                r = cgroup_new(location->directory, location->version, &cgroup, err);
        if (r < 0)
                return r;
        cgroup->group = strdup(location->path);
        if (!cgroup->group)
                return error_oom(err);
        if (!cgroup_has(cgroup, pid))
                return error_set(err, &ERROR_FREEZE, -ENOENT, "process %d is not in the control group `%s`",
                                 pid, cgroup->path);
        if (cgroup_has(cgroup, getpid()))
                return error_set(err, &ERROR_CGROUP_SHARED, -EBUSY,
                                 "this process is in the container's control group `%s`", cgroup->path);
        *out = steal_ptr(cgroup);
        return 0;
}

void cgroup_free(struct cgroup *cgroup)
{
        if (cgroup->dir >= 0)
                close(cgroup->dir);
        free(cgroup->group);
        free(cgroup);
}

const char *cgroup_path(const struct cgroup *cgroup)
{
        return cgroup->path;
}

int cgroup_descriptor(const struct cgroup *cgroup)
{
        return cgroup->dir;
}

unsigned cgroup_version(const struct cgroup *cgroup)
{
        return cgroup->version;
}

int cgroup_append_dump_options(const struct cgroup *cgroup, pid_t pid, struct buffer *out, struct error *err)
{
        _cleanup_buffer_ struct buffer groups = {0};
        char number[16];
        int r;

        snprintf(number, sizeof(number), "%d", pid);
        r = read_proc(number, "cgroup", &groups, err);
        if (r < 0)
                return r;
        return cgroup_dump_options(buffer_text(&groups), cgroup->group, out) < 0 ? error_oom(err) : 0;
}

typedef bool (*process_function)(void *context, pid_t pid);

/* Calls `each` for the processes of `dir` and, to a limit of depth, of the groups below, until it says false.
 */
static int each_process(int dir, process_function each, void *context, unsigned depth)
{
        _cleanup_fclose_ FILE *file = NULL;
        _cleanup_closedir_ DIR *list = NULL;
        int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid, r = 0;

        if (fd < 0)
                return -errno;
        file = fdopen(fd, "r");
        if (!file) {
                close(fd);
                return -ENOMEM;
        }
        while (fscanf(file, "%d", &pid) == 1)
                if (!each(context, pid))
                        return 1;
        if (depth >= DEPTH_LIMIT)
                return 0;
        fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        list = fd < 0 ? NULL : fdopendir(fd);
        if (!list) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        for (struct dirent *item; r == 0 && (item = readdir(list));) {
                _cleanup_close_ int below = -1;

                if (item->d_type != DT_DIR || item->d_name[0] == '.')
                        continue;
                below = openat(dir, item->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (below >= 0)
                        r = each_process(below, each, context, depth + 1);
        }
        return r;
}

static bool count_one(void *context, pid_t pid)
{
        (*(unsigned *)context)++;
        return true;
}

int cgroup_count(const struct cgroup *cgroup, unsigned *out, struct error *err)
{
        int r;

        *out = 0;
        r = each_process(cgroup->dir, count_one, out, 0);
        return r < 0 ? error_errno(err, -r, "list the processes of `%s`", cgroup->path) : 0;
}

static bool is_other(void *context, pid_t pid)
{
        return *(pid_t *)context != pid;
}

bool cgroup_has(const struct cgroup *cgroup, pid_t pid)
{
        return each_process(cgroup->dir, is_other, &pid, 0) == 1;
}

static bool is_free(void *context, pid_t pid)
{
        struct proc_process process;

        return proc_read(pid, &process, NULL) < 0 || !process.tracer;
}

bool cgroup_is_traced(const struct cgroup *cgroup)
{
        return each_process(cgroup->dir, is_free, NULL, 0) == 1;
}

static int control_read(const struct cgroup *cgroup, const char *name, char *text, size_t size)
{
        int fd = openat(cgroup->dir, name, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = file_read_full(fd, text, size - 1);
        close(fd);
        if (n < 0)
                return (int)n;
        text[n] = '\0';
        return 0;
}

static int control_write(const struct cgroup *cgroup, const char *name, const char *text)
{
        int fd = openat(cgroup->dir, name, O_WRONLY | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        r = file_write_full(fd, text, strlen(text));
        close(fd);
        return r;
}

int cgroup_read_state(const struct cgroup *cgroup, enum cgroup_state *out)
{
        char text[256];
        int r;

        if (cgroup->version == 1) {
                r = control_read(cgroup, "freezer.state", text, sizeof(text));
                *out = text_starts_with(text, "FROZEN")     ? CGROUP_FROZEN
                       : text_starts_with(text, "FREEZING") ? CGROUP_FREEZING
                                                            : CGROUP_THAWED;
                return r;
        }
        r = control_read(cgroup, "cgroup.events", text, sizeof(text));
        if (r < 0)
                return r;
        *out = CGROUP_FROZEN;
        if (strstr(text, "frozen 1"))
                return 0;
        r = control_read(cgroup, "cgroup.freeze", text, sizeof(text));
        *out = text[0] == '1' ? CGROUP_FREEZING : CGROUP_THAWED;
        return r;
}

static int write_frozen(const struct cgroup *cgroup, bool frozen)
{
        if (cgroup->version == 1)
                return control_write(cgroup, "freezer.state", frozen ? "FROZEN" : "THAWED");
        return control_write(cgroup, "cgroup.freeze", frozen ? "1" : "0");
}

static void nap(unsigned us)
{
        nanosleep(&(struct timespec){0, (long)us * 1000}, NULL);
}

int cgroup_freeze(const struct cgroup *cgroup, unsigned timeout_ms)
{
        uint64_t deadline = clock_monotonic_us() + (uint64_t)timeout_ms * 1000;
        unsigned step = POLL_STEP_US;

        for (;;) {
                enum cgroup_state state;
                /* Written again each time: version 1 can stay in FREEZING, and looks again only then. */
                int r = write_frozen(cgroup, true);

                if (r == 0)
                        r = cgroup_read_state(cgroup, &state);
                if (r < 0) {
                        (void)write_frozen(cgroup, false);
                        return r;
                }
                if (state == CGROUP_FROZEN)
                        return 0;
                if (clock_monotonic_us() >= deadline)
                        break;
                nap(step);
                step = step * 2 > POLL_STEP_MOST_US ? POLL_STEP_MOST_US : step * 2;
        }
        (void)write_frozen(cgroup, false);
        return -ETIMEDOUT;
}

int cgroup_thaw(const struct cgroup *cgroup)
{
        return write_frozen(cgroup, false);
}

static bool kill_one(void *context, pid_t pid)
{
        if (kill(pid, SIGKILL) < 0 && errno != ESRCH)
                *(int *)context = -errno;
        return true;
}

int cgroup_kill(const struct cgroup *cgroup, struct error *err)
{
        uint64_t deadline = clock_monotonic_us() + KILL_LIMIT_US;
        unsigned left = 0;
        int failure = 0, r;

        r = each_process(cgroup->dir, kill_one, &failure, 0);
        if (r < 0 || failure < 0)
                return error_errno(err, r < 0 ? -r : -failure, "kill the processes of `%s`", cgroup->path);
        r = cgroup_thaw(cgroup);
        /* The engine may have removed the group as soon as it was empty. */
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                return error_errno(err, -r, "thaw the control group `%s`", cgroup->path);
        do {
                left = 0;
                r = each_process(cgroup->dir, count_one, &left, 0);
                if (r < 0 || left == 0)
                        return 0;
                nap(POLL_STEP_US);
        } while (clock_monotonic_us() < deadline);
        return error_set(err, &ERROR_TIMEOUT, -ETIMEDOUT, "%u killed processes of `%s` do not go away", left,
                         cgroup->path);
}
