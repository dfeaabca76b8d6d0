/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pod_network.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include "runtime/netlink.h"
#include "runtime/sockets.h"

struct reading {
        yyjson_mut_doc *doc;
        yyjson_mut_val *interfaces, *routes, *listening, *connections;
        struct error *err;
};

#define ATTRIBUTES_MOST 32

/* The attributes of an item, by their type; `header` is the size of what stands before them. */
static void attributes_read(const struct nlmsghdr *item, size_t header, const struct rtattr **out)
{
        const struct rtattr *attribute =
                (const struct rtattr *)((const char *)NLMSG_DATA(item) + NLMSG_ALIGN(header));
        int left = (int)item->nlmsg_len - (int)NLMSG_LENGTH(NLMSG_ALIGN(header));

        memset(out, 0, ATTRIBUTES_MOST * sizeof(*out));
        for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
                if (attribute->rta_type < ATTRIBUTES_MOST)
                        out[attribute->rta_type] = attribute;
}

static uint32_t attribute_uint(const struct rtattr *attribute)
{
        uint32_t value = 0;

        if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
                memcpy(&value, RTA_DATA(attribute), sizeof(value));
        return value;
}

/* "10.88.0.2", or with "/16" behind it; false when it is no address. */
static bool address_format(int family, const struct rtattr *attribute, int bits, char *out, size_t size)
{
        size_t need = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr), length;

        if (!attribute || (family != AF_INET && family != AF_INET6) || RTA_PAYLOAD(attribute) < need ||
            !inet_ntop(family, RTA_DATA(attribute), out, (socklen_t)size))
                return false;
        length = strlen(out);
        if (bits >= 0)
                snprintf(out + length, size - length, "/%d", bits);
        return true;
}

static int no_memory(const struct reading *reading, bool fine)
{
        return fine ? 0 : error_oom(reading->err);
}

static int add_interface(void *context, const struct nlmsghdr *item)
{
        struct reading *reading = context;
        const struct ifinfomsg *info = NLMSG_DATA(item);
        const struct rtattr *attributes[ATTRIBUTES_MOST];
        const uint8_t *mac;
        yyjson_mut_val *object;
        char name[IF_NAMESIZE] = "", text[18] = "";

        if (item->nlmsg_type != RTM_NEWLINK || item->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
                return 0;
        attributes_read(item, sizeof(*info), attributes);
        if (attributes[IFLA_IFNAME])
                snprintf(name, sizeof(name), "%.*s", (int)RTA_PAYLOAD(attributes[IFLA_IFNAME]),
                         (const char *)RTA_DATA(attributes[IFLA_IFNAME]));
        if (attributes[IFLA_ADDRESS] && RTA_PAYLOAD(attributes[IFLA_ADDRESS]) == 6) {
                mac = RTA_DATA(attributes[IFLA_ADDRESS]);
                snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                         mac[4], mac[5]);
        }
        object = yyjson_mut_arr_add_obj(reading->doc, reading->interfaces);
        return no_memory(reading,
                         object && yyjson_mut_obj_add_int(reading->doc, object, "index", info->ifi_index) &&
                                 yyjson_mut_obj_add_strcpy(reading->doc, object, "name", name) &&
                                 yyjson_mut_obj_add_strcpy(reading->doc, object, "mac", text) &&
                                 yyjson_mut_obj_add_uint(reading->doc, object, "mtu",
                                                         attribute_uint(attributes[IFLA_MTU])) &&
                                 yyjson_mut_obj_add_bool(reading->doc, object, "up",
                                                         (info->ifi_flags & IFF_UP) != 0) &&
                                 yyjson_mut_obj_add_arr(reading->doc, object, "addresses"));
}

static yyjson_mut_val *interface_find(const struct reading *reading, int index)
{
        yyjson_mut_val *object;
        size_t i, count;

        yyjson_mut_arr_foreach(reading->interfaces, i, count,
                               object) if (yyjson_mut_get_int(yyjson_mut_obj_get(object, "index")) ==
                                           index) return object;
        return NULL;
}

static int add_address(void *context, const struct nlmsghdr *item)
{
        struct reading *reading = context;
        const struct ifaddrmsg *info = NLMSG_DATA(item);
        const struct rtattr *attributes[ATTRIBUTES_MOST], *address;
        yyjson_mut_val *object;
        char text[64];

        if (item->nlmsg_type != RTM_NEWADDR || item->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
                return 0;
        attributes_read(item, sizeof(*info), attributes);
        address = attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
        object = interface_find(reading, (int)info->ifa_index);
        if (!object || !address_format(info->ifa_family, address, info->ifa_prefixlen, text, sizeof(text)))
                return 0;
        return no_memory(reading, yyjson_mut_arr_add_strcpy(reading->doc,
                                                            yyjson_mut_obj_get(object, "addresses"), text));
}

/* Of the main table; the kernel makes those of the local one by itself. */
static int add_route(void *context, const struct nlmsghdr *item)
{
        struct reading *reading = context;
        const struct rtmsg *info = NLMSG_DATA(item);
        const struct rtattr *attributes[ATTRIBUTES_MOST];
        char to[64] = "default", via[64] = "";
        yyjson_mut_val *object, *interface;

        if (item->nlmsg_type != RTM_NEWROUTE || item->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
            info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST)
                return 0;
        attributes_read(item, sizeof(*info), attributes);
        (void)address_format(info->rtm_family, attributes[RTA_DST], info->rtm_dst_len, to, sizeof(to));
        (void)address_format(info->rtm_family, attributes[RTA_GATEWAY], -1, via, sizeof(via));
        interface = interface_find(reading, (int)attribute_uint(attributes[RTA_OIF]));
        object = yyjson_mut_arr_add_obj(reading->doc, reading->routes);
        return no_memory(
                reading,
                object && yyjson_mut_obj_add_strcpy(reading->doc, object, "to", to) &&
                        (!*via || yyjson_mut_obj_add_strcpy(reading->doc, object, "via", via)) &&
                        (!interface || yyjson_mut_obj_add_strcpy(
                                               reading->doc, object, "interface",
                                               yyjson_mut_get_str(yyjson_mut_obj_get(interface, "name")))));
}

static int add_socket(void *context, const struct socket_tcp *socket)
{
        struct reading *reading = context;
        yyjson_mut_val *object;

        if (socket->listening)
                return no_memory(reading,
                                 yyjson_mut_arr_add_strcpy(reading->doc, reading->listening, socket->local));
        if (!socket->connected)
                return 0;
        object = yyjson_mut_arr_add_obj(reading->doc, reading->connections);
        return no_memory(reading,
                         object && yyjson_mut_obj_add_strcpy(reading->doc, object, "local", socket->local) &&
                                 yyjson_mut_obj_add_strcpy(reading->doc, object, "remote", socket->remote));
}

static int list(struct reading *reading, int fd, uint16_t type,
                int (*each)(void *context, const struct nlmsghdr *item))
{
        struct {
                struct nlmsghdr header;
                struct rtgenmsg request; /* of all address families */
        } ask = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                            .nlmsg_type = type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};

        return netlink_list(fd, &ask.header, each, reading, reading->err);
}

int pod_network_read(pid_t pid, yyjson_mut_doc *doc, yyjson_mut_val **out, struct error *err)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc);
        struct reading reading = {.doc = doc, .err = err};
        _cleanup_close_ int fd = netlink_open(pid, NETLINK_ROUTE, err);
        int r;

        if (fd < 0)
                return fd;
        reading.interfaces = yyjson_mut_obj_add_arr(doc, root, "interfaces");
        reading.routes = yyjson_mut_obj_add_arr(doc, root, "routes");
        reading.listening = yyjson_mut_obj_add_arr(doc, root, "listening");
        reading.connections = yyjson_mut_obj_add_arr(doc, root, "connections");
        if (!reading.interfaces || !reading.routes || !reading.listening || !reading.connections)
                return error_oom(err);
        r = list(&reading, fd, RTM_GETLINK, add_interface);
        if (r == 0)
                r = list(&reading, fd, RTM_GETADDR, add_address);
        if (r == 0)
                r = list(&reading, fd, RTM_GETROUTE, add_route);
        if (r == 0)
                r = socket_each_tcp(pid, add_socket, &reading, err);
        *out = root;
        return r;
}
