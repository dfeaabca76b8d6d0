/* SPDX-License-Identifier: Apache-2.0 */
/* A process that counts, in a control group of its own with a freezer, as a container would be. */
#ifndef SNAP_TESTS_FREEZER_H
#define SNAP_TESTS_FREEZER_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "testing.h"

struct counting {
        char group[256];
        pid_t pid;
        volatile unsigned *count;
};

static inline bool group_make(struct counting *out)
{
        static const char *const roots[] = {"/sys/fs/cgroup/freezer", "/sys/fs/cgroup"};
        static const char *const files[] = {"freezer.state", "cgroup.freeze"};

        for (int i = 0; i < 2; i++) {
                char file[300];

                snprintf(out->group, sizeof(out->group), "%s/snap-test.%d", roots[i], getpid());
                snprintf(file, sizeof(file), "%s/%s", out->group, files[i]);
                if (mkdir(out->group, 0755) == 0 && access(file, W_OK) == 0)
                        return true;
                rmdir(out->group);
        }
        return false;
}

/* Skips the test where there is no freezer to write to (the lab has one). */
static inline void counting_start(struct counting *out)
{
        char file[300];
        FILE *procs;

        if (!group_make(out))
                skip();
        out->count = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal((void *)(uintptr_t)out->count, MAP_FAILED);
        out->pid = fork();
        assert_true(out->pid >= 0);
        if (out->pid == 0)
                for (;;) {
                        (*out->count)++;
                        usleep(1000);
                }
        snprintf(file, sizeof(file), "%s/cgroup.procs", out->group);
        procs = fopen(file, "w");
        assert_non_null(procs);
        fprintf(procs, "%d\n", out->pid);
        assert_int_equal(fclose(procs), 0);
}

static inline bool counting_goes_on(const struct counting *counting)
{
        unsigned before = *counting->count;

        for (int i = 0; i < 200 && *counting->count == before; i++)
                usleep(10000);
        return *counting->count != before;
}

static inline bool counting_stands(const struct counting *counting)
{
        unsigned before = *counting->count;

        usleep(50000);
        return *counting->count == before;
}

static inline void counting_end(struct counting *counting)
{
        kill(counting->pid, SIGKILL);
        waitpid(counting->pid, NULL, 0);
        for (int i = 0; i < 100 && rmdir(counting->group) < 0; i++)
                usleep(10000);
        munmap((void *)(uintptr_t)counting->count, sizeof(unsigned));
}

#endif
