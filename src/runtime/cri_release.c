/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that an engine froze for a dump and did not set free. */
#include "runtime/cri_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include "base/clock.h"
#include "base/file.h"
#include "runtime/cri_messages.h"
#include "runtime/frozen.h"
#include "runtime/lock.h"
#include "runtime/oci.h"

#define DUMP_LIMIT_US  (120 * 1000000ull) /* of a dump whose caller has gone */
#define STEP_US        20000
#define RESUME_SECONDS 60
#define SEEN_DIRECTORY LOCK_DIRECTORY "/standing" /* a file for each container that was seen frozen */

static int resume(const char *container, struct error *err)
{
        _cleanup_buffer_ struct buffer request = {0};

        if (cri_put_resume(&request, container) < 0)
                return error_oom(err);
        return cri_call_containerd("tasks.v1.Tasks/Resume", buffer_slice(&request), RESUME_SECONDS, err);
}

/* Returns when CRIU holds none of its processes: thawed before, they would run into it. */
static int dump_wait(const struct cgroup *cgroup, struct error *err)
{
        uint64_t limit = clock_monotonic_us() + DUMP_LIMIT_US;

        while (cgroup_is_traced(cgroup)) {
                if (clock_monotonic_us() >= limit)
                        return error_set(err, &ERROR_BUSY, -EBUSY, "a dump of `%s` is still under way",
                                         cgroup_path(cgroup));
                usleep(STEP_US);
        }
        return 0;
}

int cri_release(const char *container, const struct cgroup *cgroup, struct error *err)
{
        enum cgroup_state state;
        int r = dump_wait(cgroup, err);

        if (r < 0)
                return r;
        r = cgroup_read_state(cgroup, &state);
        if (r == 0 && state != CGROUP_THAWED && resume(container, NULL) < 0)
                r = cgroup_thaw(cgroup);
        /* A group that is gone was the group of a container that has ended. */
        return r < 0 && r != -ENOENT && r != -ENODEV ? error_errno(err, -r, "thaw `%s`", cgroup_path(cgroup))
                                                     : 0;
}

/* Since when the container has been seen frozen (monotonic seconds): from now on, when it had not been. */
static int first_seen(const char *path, uint64_t *out, struct error *err)
{
        _cleanup_fclose_ FILE *file = NULL;
        int r = file_mkdir_all(SEEN_DIRECTORY, 0700, err);

        if (r < 0)
                return r;
        file = fopen(path, "a+e");
        if (!file)
                return error_errno(err, errno, "remember in `%s` that a container stands", path);
        if (fscanf(file, "%" SCNu64, out) == 1)
                return 0;
        *out = clock_monotonic_us() / 1000000;
        return fprintf(file, "%" PRIu64 "\n", *out) < 0 || fflush(file) != 0
                       ? error_errno(err, errno, "remember in `%s` that a container stands", path)
                       : 0;
}

/* Whether it stands now; `cgroup` is its group. */
static bool stands(const struct container *container, struct cgroup **cgroup)
{
        enum cgroup_state state;

        return container->pid && oci_cgroup(container, cgroup, NULL) == 0 &&
               cgroup_read_state(*cgroup, &state) == 0 && state != CGROUP_THAWED &&
               !cgroup_is_traced(*cgroup);
}

/* `path` remembers since when it stands. 1: set free; 0: not yet, or it does not stand. */
static int look_at(const char *id, const char *path, unsigned patience_s, struct error *err)
{
        _cleanup_container_ struct container *container = NULL;
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        uint64_t since;
        int r = cri_inspect(id, &container, err);

        if (r < 0)
                return r == -ENOENT ? 0 : r; /* it has ended meanwhile */
        if (!stands(container, &cgroup)) {
                (void)unlink(path);
                return 0;
        }
        r = first_seen(path, &since, err);
        if (r < 0 || clock_monotonic_us() / 1000000 < since + patience_s)
                return r;
        r = cri_release(id, cgroup, err);
        if (r < 0)
                return r;
        (void)unlink(path);
        return 1;
}

/* `frozen`: paths of all groups that stand, which have the ids of their containers in them. */
static int consider(const struct container *container, const char *frozen, unsigned patience_s,
                    struct error *err)
{
        _cleanup_free_ char *key = lock_key(container), *path = NULL;
        _cleanup_close_ int lock = -1;

        if (!key || asprintf(&path, SEEN_DIRECTORY "/%s", key) < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (strcmp(container->state, "running") == 0 && strstr(frozen, container->id))
                lock = lock_try(key, NULL); /* while it is held, a checkpoint of ours is being made */
        if (lock >= 0)
                return look_at(container->id, path, patience_s, err);
        (void)unlink(path);
        return 0;
}

int cri_release_abandoned(unsigned patience_s, unsigned *released, struct error *err)
{
        _cleanup_container_list_ struct container_list list = {0};
        _cleanup_finding_ struct finding frozen = {.most = UINT_MAX};
        int r, failure = 0;

        *released = 0;
        if (!cri_socket())
                return 0;
        /* The engine is asked only where something stands at all. */
        r = frozen_find("/sys/fs/cgroup", &frozen, err);
        if (r == 0 && !frozen.count)
                return file_remove_tree(AT_FDCWD, SEEN_DIRECTORY, err);
        if (r == 0)
                r = cri_list(&list, err);
        /* One that cannot be set free must not keep the others. */
        for (size_t i = 0; r == 0 && i < list.count; i++) {
                int one = consider(list.items[i], buffer_text(&frozen.text), patience_s, err);

                if (one < 0)
                        failure = one;
                else
                        *released += (unsigned)one;
        }
        return r < 0 ? r : failure;
}
