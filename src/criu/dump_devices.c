/* SPDX-License-Identifier: Apache-2.0 */
/* Network devices ("netdev-N.img") and their addresses: "ifaddr-N.img" is what `ip address save` writes, a
 * magic word and messages of rtnetlink(7). */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include "criu/errors.h"
#include "criu/loader.h"

#define ADDRESSES_MAGIC   0x47361222
#define ADDRESSES_LIMIT   (1 * MIB)
#define ADDRESS_TEXT_SIZE (INET6_ADDRSTRLEN + 8)

/* images/netdev.proto */
static const char *device_kind(uint32_t type)
{
        static const char *const names[] = {"",      "loopback", "veth",    "tun", "external",
                                            "venet", "bridge",   "macvlan", "sit"};

        return type < ARRAY_SIZE(names) ? names[type] : "";
}

static const char *hardware_address(struct criu_loader *loader, const ProtobufCBinaryData *from)
{
        char text[3 * 32] = "";

        for (size_t i = 0; i < from->len && i < 32; i++)
                snprintf(text + (i ? 3 * i - 1 : 0), 4, "%s%02x", i ? ":" : "", from->data[i]);
        return criu_arena_text(loader->arena, SLICE_TEXT(text));
}

/* The next structure of `size` bytes in `from` that begins with its whole length, which is padded to four
 * bytes. False at the end and where what is left is malformed. */
static bool take_padded(struct slice *from, size_t length, size_t header, struct slice *out)
{
        size_t padded = (length + 3) & ~(size_t)3;

        if (length < header || !slice_take(from, length, out))
                return false;
        *from = padded - length < from->size
                        ? (struct slice){from->data + (padded - length), from->size - (padded - length)}
                        : (struct slice){0};
        return true;
}

/* One message: the device it is for and its address as text; false when it has none. */
static bool address_parse(struct slice message, uint32_t *index, char out[ADDRESS_TEXT_SIZE])
{
        struct ifaddrmsg head;
        struct slice rest = message, fixed, attribute, best = {0};
        char text[INET6_ADDRSTRLEN];

        if (!slice_take(&rest, NLMSG_HDRLEN, &fixed) || !slice_take(&rest, sizeof(head), &fixed))
                return false;
        memcpy(&head, fixed.data, sizeof(head));
        while (rest.size >= sizeof(struct rtattr)) {
                struct rtattr type;

                memcpy(&type, rest.data, sizeof(type));
                if (!take_padded(&rest, type.rta_len, sizeof(type), &attribute))
                        break;
                /* Of a connection between two ends, IFA_ADDRESS is the other one. */
                if (type.rta_type == IFA_LOCAL || (type.rta_type == IFA_ADDRESS && !best.data))
                        best = (struct slice){attribute.data + sizeof(type), attribute.size - sizeof(type)};
        }
        if (best.size != (head.ifa_family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr)) ||
            !inet_ntop(head.ifa_family, best.data, text, sizeof(text)))
                return false;
        *index = head.ifa_index;
        snprintf(out, ADDRESS_TEXT_SIZE, "%s/%u", text, head.ifa_prefixlen);
        return true;
}

struct addresses {
        struct criu_network_address *items; /* by device */
        size_t count;
};

static int compare_addresses(const void *a, const void *b)
{
        const struct criu_network_address *p = a, *q = b;

        return p->index != q->index ? (p->index > q->index) - (p->index < q->index)
                                    : strcmp(p->text, q->text);
}

static int addresses_parse(struct criu_loader *loader, struct slice rest, struct addresses *out,
                           struct error *err)
{
        struct slice message;

        out->items = criu_arena_array(loader->arena, rest.size / NLMSG_HDRLEN, sizeof(*out->items));
        if (!out->items)
                return error_oom(err);
        while (rest.size >= NLMSG_HDRLEN &&
               take_padded(&rest, load_le32(rest.data), NLMSG_HDRLEN, &message)) {
                char text[ADDRESS_TEXT_SIZE];
                uint32_t index;

                if (!address_parse(message, &index, text))
                        continue;
                out->items[out->count] = (struct criu_network_address){
                        index, criu_arena_text(loader->arena, SLICE_TEXT(text))};
                if (!out->items[out->count++].text)
                        return error_oom(err);
        }
        qsort(out->items, out->count, sizeof(*out->items), compare_addresses);
        return 0;
}

/* None is fine. */
static int addresses_load(struct criu_loader *loader, uint32_t network, struct addresses *out,
                          struct error *err)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        struct slice rest, magic;
        char name[64];
        uint64_t size;
        int r;

        snprintf(name, sizeof(name), "ifaddr-%u.img", network);
        if (loader->source->size(loader->source->context, name, &size, NULL) < 0)
                return 0;
        r = loader->source->read(loader->source->context, name, ADDRESSES_LIMIT, &bytes, err);
        rest = buffer_slice(&bytes);
        if (r < 0 || !slice_take(&rest, sizeof(uint32_t), &magic) || load_le32(magic.data) != ADDRESSES_MAGIC)
                return r;
        return addresses_parse(loader, rest, out, err);
}

static void device_take_addresses(struct criu_network_device *device, const struct addresses *addresses)
{
        size_t low = 0, high = addresses->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (addresses->items[middle].index < device->index)
                        low = middle + 1;
                else
                        high = middle;
        }
        device->addresses = addresses->items + low;
        while (low + device->address_count < addresses->count &&
               device->addresses[device->address_count].index == device->index)
                device->address_count++;
}

static int device_fill(struct criu_loader *loader, const Criu__NetDevice *from,
                       const struct addresses *addresses, struct criu_network_device *to, struct error *err)
{
        *to = (struct criu_network_device){.name = from->name,
                                           .kind = device_kind(from->type),
                                           .index = from->index,
                                           .mtu = from->mtu,
                                           .flags = from->flags,
                                           .hardware_address = hardware_address(loader, &from->address)};
        if (!to->hardware_address)
                return error_oom(err);
        device_take_addresses(to, addresses);
        return 0;
}

static int load_network(struct criu_loader *loader, uint32_t network, struct criu_dump *out,
                        struct error *err)
{
        struct addresses addresses = {0};
        struct criu_messages records = {0};
        struct criu_network_device *devices;
        char name[64];
        int r;

        /* There is none when the processes use the network of the host. */
        snprintf(name, sizeof(name), "netdev-%u.img", network);
        r = criu_records_read_all(loader->source, name, "NETDEV", true, &criu__net_device__descriptor,
                                  loader->arena, &records, err);
        if (r == 0)
                r = addresses_load(loader, network, &addresses, err);
        if (r < 0 || !records.count)
                return r;
        devices = criu_arena_array(loader->arena, out->device_count + records.count, sizeof(*devices));
        if (!devices)
                return error_oom(err);
        if (out->device_count)
                memcpy(devices, out->devices, out->device_count * sizeof(*devices));
        out->devices = devices;
        for (size_t i = 0; i < records.count && r == 0; i++)
                r = device_fill(loader, records.items[i], &addresses, &devices[out->device_count++], err);
        return r;
}

static bool network_is_loaded(const uint32_t *seen, size_t count, uint32_t network)
{
        for (size_t i = 0; i < count; i++)
                if (seen[i] == network)
                        return true;
        return false;
}

int criu_load_devices(struct criu_loader *loader, const struct criu_tree *tree, struct criu_dump *out,
                      struct error *err)
{
        uint32_t *seen = criu_arena_array(loader->arena, tree->count, sizeof(*seen));
        size_t count = 0;

        if (!seen)
                return error_oom(err);
        for (size_t i = 0; i < tree->count; i++) {
                struct error absent = {0};
                Criu__ObjectIds *ids;
                int r = criu_ids_load(loader->source, tree->items[i]->pid, &loader->scratch, &ids, &absent);

                /* A dead process has none. */
                if (r == 0 && ids->has_net && !network_is_loaded(seen, count, ids->net)) {
                        seen[count++] = ids->net;
                        r = load_network(loader, ids->net, out, &absent);
                }
                if (r < 0 && r != -ENOENT) {
                        if (err)
                                *err = absent;
                        return r;
                }
                criu_arena_free(&loader->scratch);
        }
        return 0;
}
