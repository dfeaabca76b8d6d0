/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/network.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/cleanup.h"

static int namespace_stat(const char *pid, struct stat *out)
{
        char path[300];

        snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
        return stat(path, out) < 0 ? -errno : 0;
}

int network_check_own(pid_t pid, const struct cgroup *cgroup, struct error *err)
{
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        struct stat own, other;
        char number[16];
        int r;

        snprintf(number, sizeof(number), "%d", pid);
        r = namespace_stat(number, &own);
        if (r < 0 || !proc)
                return error_errno(err, r < 0 ? -r : errno, "look at the network of process %d", pid);
        for (struct dirent *item; (item = readdir(proc));) {
                if (!isdigit((unsigned char)item->d_name[0]) || namespace_stat(item->d_name, &other) < 0 ||
                    other.st_ino != own.st_ino || other.st_dev != own.st_dev ||
                    cgroup_has(cgroup, (pid_t)strtol(item->d_name, NULL, 10)))
                        continue;
                error_set(
                        err, &ERROR_UNSUPPORTED, -EBUSY,
                        "the container shares its network with other processes (%s), so that its connections "
                        "cannot be kept when it is stopped",
                        item->d_name);
                error_set_hint(err,
                               "Leave it running, close its connections instead, or give it a network of its "
                               "own.");
                return -EBUSY;
        }
        return 0;
}

int network_check_not_host(pid_t pid, struct error *err)
{
        struct stat own, host;
        char number[16];
        int r;

        snprintf(number, sizeof(number), "%d", pid);
        r = namespace_stat(number, &own);
        if (r == 0)
                r = namespace_stat("self", &host);
        if (r < 0)
                return error_errno(err, -r, "look at the network of process %d", pid);
        if (own.st_ino != host.st_ino || own.st_dev != host.st_dev)
                return 0;
        (void)error_set(
                err, &ERROR_UNSUPPORTED, -EBUSY,
                "the pod uses the network of the host, so that its connections cannot be kept when it is "
                "stopped");
        error_set_hint(err, "Leave it running, or close its connections instead.");
        return -EBUSY;
}

/* In a child, for the namespace of a thread is not to be changed under a program with others. */
static void __attribute__((noreturn)) silence_main(int namespace)
{
        struct if_nameindex *interfaces;
        int fd, failure = 0;

        if (setns(namespace, CLONE_NEWNET) < 0)
                _exit(errno);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        interfaces = fd < 0 ? NULL : if_nameindex();
        if (!interfaces)
                _exit(errno);
        for (struct if_nameindex *i = interfaces; i->if_name && !failure; i++) {
                struct ifreq request = {0};

                snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", i->if_name);
                if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
                        failure = errno;
                        continue;
                }
                request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
                if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                        failure = errno;
        }
        _exit(failure);
}

int network_silence(pid_t pid, struct error *err)
{
        _cleanup_close_ int namespace = -1;
        char path[64];
        int status = 0;
        pid_t child;

        snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
        namespace = open(path, O_RDONLY | O_CLOEXEC);
        if (namespace < 0)
                return error_errno(err, errno, "open the network of process %d", pid);
        child = fork();
        if (child < 0)
                return error_errno(err, errno, "start a process");
        if (child == 0)
                silence_main(namespace);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (!WIFEXITED(status) || WEXITSTATUS(status))
                return error_errno(err, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
                                   "take the container's network interfaces down");
        return 0;
}
