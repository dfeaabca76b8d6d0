/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "base/clock.h"
#include "base/file.h"

#define WAIT_STEP_US       20000
#define KEEPER             ".keeper"
#define KEEPER_PATIENCE_US 5000000

char *lock_key(const struct container *container)
{
        char *key = NULL;

        if (asprintf(&key, "%s-%s", container->engine, container->id) < 0)
                return NULL;
        for (char *c = key; *c; c++)
                if (*c == '/')
                        *c = '_';
        return key;
}

static int lock_open(const char *key, const char *suffix, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        int fd, r;

        r = file_mkdir_all(LOCK_DIRECTORY "/lock", 0700, err);
        if (r < 0)
                return r;
        if (asprintf(&path, LOCK_DIRECTORY "/lock/%s%s", key, suffix) < 0) {
                path = NULL;
                return error_oom(err);
        }
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(err, errno, "open the lock `%s`", path);
        return fd;
}

static int try(const char *key, const char *suffix, struct error *err)
{
        _cleanup_close_ int fd = lock_open(key, suffix, err);

        if (fd < 0)
                return fd;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(err, &ERROR_BUSY, -EBUSY, "another checkpoint of `%s` is under way", key);
        return steal_fd(&fd);
}

int lock_try(const char *key, struct error *err)
{
        return try(key, "", err);
}

int lock_try_keeper(const char *key, struct error *err)
{
        return try(key, KEEPER, err);
}

static int acquire(const struct container *container, const char *suffix, uint64_t deadline_us,
                   const struct progress *progress, struct error *err)
{
        _cleanup_free_ char *key = lock_key(container);

        if (!key)
                return error_oom(err);
        for (bool told = false;; told = true) {
                int fd = try(key, suffix, err);

                if (fd != -EBUSY)
                        return fd;
                if (!told)
                        progress_step(progress, "wait", 0, 0);
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED,
                                         "cancelled while waiting for another checkpoint of `%s`",
                                         container->name);
                if (deadline_us && clock_monotonic_us() >= deadline_us)
                        return error_set(err, &ERROR_BUSY, -EBUSY,
                                         "another checkpoint of `%s` did not end in time", container->name);
                usleep(WAIT_STEP_US);
        }
}

int lock_acquire(const struct container *container, uint64_t deadline_us, const struct progress *progress,
                 struct error *err)
{
        return acquire(container, "", deadline_us, progress, err);
}

int lock_acquire_keeper(const struct container *container, struct error *err)
{
        /* Only who looks whether it is free holds it beside us, for a moment. */
        return acquire(container, KEEPER, clock_monotonic_us() + KEEPER_PATIENCE_US, NULL, err);
}
