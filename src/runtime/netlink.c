/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include "base/bytes.h"

#define ANSWER_SIZE (32 * KIB)

struct open_there {
        pid_t pid;
        int protocol;
        int fd; /* or a negative errno */
};

/* A netlink socket belongs to the namespace in which it was made, so a thread of its own goes there. */
static void *open_there(void *argument)
{
        struct open_there *there = argument;
        _cleanup_close_ int namespace = -1;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)there->pid);
        namespace = open(path, O_RDONLY | O_CLOEXEC);
        if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0) {
                there->fd = -errno;
                return NULL;
        }
        there->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, there->protocol);
        if (there->fd < 0)
                there->fd = -errno;
        return NULL;
}

int netlink_open(pid_t pid, int protocol, struct error *err)
{
        struct open_there there = {.pid = pid, .protocol = protocol, .fd = -1};
        pthread_t thread;
        int ret = pthread_create(&thread, NULL, open_there, &there);

        if (ret)
                return error_errno(err, ret, "cannot start a thread");
        pthread_join(thread, NULL);
        if (there.fd < 0)
                return error_errno(err, -there.fd, "cannot look at the network of process %d", (int)pid);
        return there.fd;
}

int netlink_list(int fd, const struct nlmsghdr *request,
                 int (*each)(void *context, const struct nlmsghdr *item), void *context, struct error *err)
{
        _cleanup_free_ char *answer = malloc(ANSWER_SIZE);

        if (!answer)
                return error_oom(err);
        if (send(fd, request, request->nlmsg_len, 0) < 0)
                return error_errno(err, errno, "cannot ask the kernel for a list");
        for (;;) {
                ssize_t n = recv(fd, answer, ANSWER_SIZE, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return error_errno(err, n < 0 ? errno : EIO, "cannot read a list of the kernel");
                for (struct nlmsghdr *item = (struct nlmsghdr *)answer; NLMSG_OK(item, (size_t)n);
                     item = NLMSG_NEXT(item, n)) {
                        int ret;

                        if (item->nlmsg_type == NLMSG_DONE)
                                return 0;
                        if (item->nlmsg_type == NLMSG_ERROR)
                                return error_errno(err, ENOTSUP, "the kernel does not give a list");
                        ret = each(context, item);
                        if (ret)
                                return ret;
                }
        }
}
