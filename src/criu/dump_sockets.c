/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "criu/errors.h"
#include "criu/loader.h"

#define UNIX_PEER_OUTSIDE 1 /* USK_EXTERN in images/sk-unix.proto */

/* The states of include/net/tcp_states.h of Linux, from 1; other families use the same numbers. */
static const char *const socket_states[] = {
        "",      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",    "TIME_WAIT",
        "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV",
};

static const char *socket_state_name(uint32_t state)
{
        return state < ARRAY_SIZE(socket_states) ? socket_states[state] : "";
}

static const char *socket_type_name(uint32_t type)
{
        switch (type) {
        case SOCK_STREAM:
                return "STREAM";
        case SOCK_DGRAM:
                return "DGRAM";
        case SOCK_RAW:
                return "RAW";
        case SOCK_SEQPACKET:
                return "SEQPACKET";
        case SOCK_PACKET:
                return "PACKET";
        }
        return "";
}

static const char *socket_protocol_name(const Criu__InternetSocket *socket)
{
        switch (socket->protocol) {
        case IPPROTO_TCP:
                return "TCP";
        case IPPROTO_UDP:
                return "UDP";
        case IPPROTO_UDPLITE:
                return "UDPLITE";
        case IPPROTO_ICMP:
                return "ICMP";
        case IPPROTO_ICMPV6:
                return "ICMPV6";
        }
        return socket->type == SOCK_RAW ? "RAW" : "INET";
}

/* CRIU keeps addresses as the words of the kernel's structure, one or four of them. */
static const char *socket_address(struct criu_loader *loader, const uint32_t *words, size_t count)
{
        char text[INET6_ADDRSTRLEN] = "";
        uint8_t bytes[16];

        for (size_t i = 0; i < count && i < 4; i++)
                store_le32(bytes + 4 * i, words[i]);
        if (count == 1)
                inet_ntop(AF_INET, bytes, text, sizeof(text));
        else if (count == 4)
                inet_ntop(AF_INET6, bytes, text, sizeof(text));
        return criu_arena_text(loader->arena, SLICE_TEXT(text));
}

static void socket_describe_internet(struct criu_loader *loader, const Criu__InternetSocket *from,
                                     struct criu_socket *out)
{
        out->protocol = socket_protocol_name(from);
        out->type = socket_type_name(from->type);
        out->state = socket_state_name(from->state);
        out->source = socket_address(loader, from->source, from->n_source);
        out->destination = socket_address(loader, from->destination, from->n_destination);
        out->source_port = from->source_port;
        out->destination_port = from->destination_port;
}

bool criu_file_is_socket(const Criu__File *file)
{
        return file->internet || file->unix_socket || file->packet || file->netlink;
}

int criu_socket_describe(struct criu_loader *loader, const Criu__File *file, struct criu_socket *out,
                         struct error *err)
{
        const Criu__SocketOptions *options = NULL;

        *out = (struct criu_socket){.type = "", .state = "", .source = "", .destination = ""};
        if (file->internet) {
                options = file->internet->options;
                socket_describe_internet(loader, file->internet, out);
        } else if (file->unix_socket) {
                options = file->unix_socket->options;
                out->protocol = "UNIX";
                out->type = socket_type_name(file->unix_socket->type);
                out->state = socket_state_name(file->unix_socket->state);
                out->source = criu_file_path(loader, file);
                out->outside = file->unix_socket->usage & UNIX_PEER_OUTSIDE;
        } else if (file->packet) {
                options = file->packet->options;
                out->protocol = "PACKET";
                out->type = socket_type_name(file->packet->type);
        } else if (file->netlink) {
                options = file->netlink->options;
                out->protocol = "NETLINK";
                out->state = socket_state_name(file->netlink->state);
        }
        if (!out->source || !out->destination)
                return error_oom(err);
        if (options) {
                out->send_buffer = options->send_buffer;
                out->receive_buffer = options->receive_buffer;
        }
        return 0;
}
