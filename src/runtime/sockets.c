/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "runtime/netlink.h"
#include "runtime/proc.h"

/* "0100007F:1F90": the address as 32-bit words of the machine's byte order, the port in hexadecimal. */
static bool address_parse(const char *text, char *out, size_t size, uint16_t *port)
{
        unsigned char bytes[16] = {0};
        const char *colon = strchr(text, ':');
        size_t words = colon ? (size_t)(colon - text) / 8 : 0;
        char name[INET6_ADDRSTRLEN];

        if (words != 1 && words != 4)
                return false;
        for (size_t i = 0; i < words; i++) {
                char hex[9] = {0};
                uint32_t word;

                memcpy(hex, text + 8 * i, 8);
                word = (uint32_t)strtoul(hex, NULL, 16);
                memcpy(bytes + 4 * i, &word, 4);
        }
        *port = (uint16_t)strtoul(colon + 1, NULL, 16);
        if (!inet_ntop(words == 1 ? AF_INET : AF_INET6, bytes, name, sizeof(name)))
                return false;
        snprintf(out, size, words == 1 ? "%s:%u" : "[%s]:%u", name, *port);
        return true;
}

/* A line of /proc/net/tcp: "sl: local remote state tx:rx tr:when retransmit uid timeout inode …". */
static bool tcp_parse(const char *line, struct socket_tcp *out)
{
        char local[48], remote[48];
        unsigned state;
        unsigned long long waiting, inode;

        *out = (struct socket_tcp){0};
        if (sscanf(line, " %*d: %47s %47s %x %*x:%llx %*x:%*x %*x %*u %*d %llu", local, remote, &state,
                   &waiting, &inode) != 5 ||
            !address_parse(local, out->local, sizeof(out->local), &out->local_port) ||
            !address_parse(remote, out->remote, sizeof(out->remote), &out->remote_port))
                return false;
        out->inode = inode;
        out->listening = state == TCP_LISTEN;
        out->waiting = out->listening ? waiting : 0;
        out->connected = state == TCP_ESTABLISHED || state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 ||
                         state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
                         state == TCP_CLOSING;
        return true;
}

int socket_each_tcp(pid_t pid, int (*each)(void *context, const struct socket_tcp *socket), void *context,
                    struct error *err)
{
        static const char *const names[] = {"net/tcp", "net/tcp6"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_buffer_ struct buffer text = {0};
                int ret = proc_text(pid, names[i], &text, err);

                if (ret == -ENOENT) /* a kernel without IPv6 */
                        continue;
                if (ret < 0)
                        return ret;
                for (const char *line = strchr(buffer_text(&text), '\n'); line && line[1];
                     line = strchr(line + 1, '\n')) {
                        struct socket_tcp socket;

                        if (tcp_parse(line + 1, &socket)) {
                                ret = each(context, &socket);
                                if (ret)
                                        return ret;
                        }
                }
        }
        return 0;
}

struct unix_listing {
        int (*each)(void *context, uint64_t inode, uint64_t peer);
        void *context;
};

static int diag_message(void *context, const struct nlmsghdr *message)
{
        const struct unix_listing *listing = context;
        const struct unix_diag_msg *diag = NLMSG_DATA(message);
        const struct rtattr *attribute = (const struct rtattr *)(diag + 1);
        int left;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*diag)))
                return 0;
        left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*diag)));
        for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
                uint32_t peer;

                if (attribute->rta_type != UNIX_DIAG_PEER || RTA_PAYLOAD(attribute) < sizeof(peer))
                        continue;
                memcpy(&peer, RTA_DATA(attribute), sizeof(peer));
                return peer ? listing->each(listing->context, diag->udiag_ino, peer) : 0;
        }
        return 0;
}

int socket_each_unix(pid_t pid, int (*each)(void *context, uint64_t inode, uint64_t peer), void *context,
                     struct error *err)
{
        struct {
                struct nlmsghdr header;
                struct unix_diag_req request;
        } ask = {
                .header = {.nlmsg_len = sizeof(ask),
                           .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                           .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                .request = {.sdiag_family = AF_UNIX, .udiag_states = ~0u, .udiag_show = UDIAG_SHOW_PEER},
        };
        struct unix_listing listing = {each, context};
        _cleanup_close_ int fd = netlink_open(pid, NETLINK_SOCK_DIAG, err);

        return fd < 0 ? fd : netlink_list(fd, &ask.header, diag_message, &listing, err);
}
