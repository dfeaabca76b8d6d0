/* SPDX-License-Identifier: Apache-2.0 */
/* A queueing discipline that loses everything ("blackhole"), on every interface of a network namespace. */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include "base/bytes.h"
#include "runtime/netlink.h"
#include "runtime/network.h"

#define INTERFACES_MOST 64

struct interfaces {
        int indices[INTERFACES_MOST];
        size_t count;
};

static int note_interface(void *context, const struct nlmsghdr *item)
{
        struct interfaces *interfaces = context;
        const struct ifinfomsg *info = NLMSG_DATA(item);

        if (item->nlmsg_type == RTM_NEWLINK && item->nlmsg_len >= NLMSG_LENGTH(sizeof(*info)) &&
            (info->ifi_flags & IFF_UP) && interfaces->count < INTERFACES_MOST)
                interfaces->indices[interfaces->count++] = info->ifi_index;
        return 0;
}

static int list_interfaces(int fd, struct interfaces *out, struct error *err)
{
        struct {
                struct nlmsghdr header;
                struct rtgenmsg request;
        } ask = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                            .nlmsg_type = RTM_GETLINK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};

        return netlink_list(fd, &ask.header, note_interface, out, err);
}

/* 0 or a negative errno. */
static int change(int fd, int interface, bool mute)
{
        static const char kind[] = "blackhole";
        struct {
                struct nlmsghdr header;
                struct tcmsg request;
                struct rtattr attribute;
                char kind[RTA_ALIGN(sizeof(kind))];
        } ask = {.header = {.nlmsg_len = sizeof(ask),
                            .nlmsg_type = mute ? RTM_NEWQDISC : RTM_DELQDISC,
                            .nlmsg_flags =
                                    NLM_F_REQUEST | NLM_F_ACK | (mute ? NLM_F_CREATE | NLM_F_REPLACE : 0)},
                 .request = {.tcm_ifindex = interface, .tcm_parent = TC_H_ROOT},
                 .attribute = {.rta_len = RTA_LENGTH(sizeof(kind)), .rta_type = TCA_KIND}};
        struct {
                struct nlmsghdr header;
                struct nlmsgerr error;
                char rest[256];
        } answer;
        ssize_t n;

        memcpy(ask.kind, kind, sizeof(kind));
        if (send(fd, &ask, sizeof(ask), 0) < 0)
                return -errno;
        do
                n = recv(fd, &answer, sizeof(answer), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EBADMSG;
}

int network_mute(pid_t pid, bool mute, struct error *err)
{
        _cleanup_close_ int fd = netlink_open(pid, NETLINK_ROUTE, err);
        struct interfaces interfaces = {0};
        int r = fd < 0 ? fd : list_interfaces(fd, &interfaces, err);

        for (size_t i = 0; r == 0 && i < interfaces.count; i++) {
                r = change(fd, interfaces.indices[i], mute);
                if (r < 0)
                        return error_errno(err, -r, "%s the network of process %d",
                                           mute ? "silence" : "set free", (int)pid);
        }
        return r;
}
