/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cleanup.h"

/* After a fork: only what is safe there. Never returns. */
static void __attribute__((noreturn)) drain_main(int from)
{
        char bytes[16384];
        ssize_t n;

        if (fork() != 0)
                _exit(0);
        setsid();
        prctl(PR_SET_NAME, "snap-drain");
        (void)!chdir("/");
        if (from != 0)
                dup2(from, 0);
        close_range(1, ~0U, 0);
        do
                n = read(0, bytes, sizeof(bytes));
        while (n > 0 || (n < 0 && errno == EINTR));
        _exit(0);
}

int drain_start(int stdio[3], struct error *err)
{
        int in[2] = {-1, -1}, out[2] = {-1, -1}, status, ret = 0;
        pid_t pid;

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
                ret = -errno;
        stdio[0] = in[0];
        stdio[1] = out[1];
        stdio[2] = ret == 0 ? fcntl(out[1], F_DUPFD_CLOEXEC, 3) : -1;
        if (ret == 0 && stdio[2] < 0)
                ret = -errno;
        pid = ret == 0 ? fork() : -1;
        if (pid == 0)
                drain_main(out[0]);
        if (ret == 0 && pid < 0)
                ret = -errno;
        if (pid > 0)
                while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                        ;
        cleanup_close(&in[1]);
        cleanup_close(&out[0]);
        if (ret == 0)
                return 0;
        for (int i = 0; i < 3; i++)
                cleanup_close(&stdio[i]);
        return error_errno(err, -ret, "cannot make pipes for standard input and output");
}
