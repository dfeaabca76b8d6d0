/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dump_rights.h"

#include <errno.h>
#include "base/json.h"
#include "criu/capability.h"
#include "criu/image.h"
#include "criu/wire.h"

#define CORE_LIMIT (4 * MIB) /* registers and credentials of one thread; real ones are below 64 KiB */

/* Field numbers of CRIU's images/core.proto, creds.proto and inventory.proto. */
enum {
        INVENTORY_ROOT_IDS = 3,
        CORE_IDS = 4,
        CORE_THREAD = 5,
        THREAD_CREDENTIALS = 10,
        CREDENTIALS_INHERITABLE = 9,
        CREDENTIALS_BOUNDING = 12,
        CREDENTIALS_AMBIENT = 19,
};

/* Namespaces in task_kobj_ids_entry. */
static const struct {
        uint32_t field;
        const char *type;
} namespaces[] = {{5, "pid"}, {6, "network"}, {7, "ipc"}, {8, "uts"}, {9, "mount"}};
#define USER_NAMESPACE 10

struct dump_rights {
        const struct criu_source *source;
        struct slice root_ids;            /* CRIU's own namespaces at the dump */
        uint64_t allowed;                 /* capabilities */
        bool own[ARRAY_SIZE(namespaces)]; /* the specification gives it one of its own */
        struct finding *out;
        struct error *err;
};

/* The last field `number` of bytes; empty when absent. */
static int field_bytes(struct slice record, uint32_t number, struct slice *out)
{
        struct wire_field field;
        int ret;

        *out = (struct slice){0};
        while ((ret = wire_next(&record, &field)) > 0) {
                if (field.number == number && field.type == WIRE_BYTES)
                        *out = field.bytes;
        }
        return ret;
}

static uint64_t capabilities_allowed(yyjson_val *spec)
{
        static const unsigned ordinary[] = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31};
        yyjson_val *process = yyjson_obj_get(spec, "process"), *value;
        yyjson_val *bounding = yyjson_obj_get(yyjson_obj_get(process, "capabilities"), "bounding");
        uint64_t mask = 0;
        size_t index, count;

        for (size_t i = 0; i < ARRAY_SIZE(ordinary); i++)
                mask |= UINT64_C(1) << ordinary[i];
        yyjson_arr_foreach (bounding, index, count, value) {
                for (unsigned i = 0; criu_capability_name(i); i++) {
                        if (yyjson_is_str(value) &&
                            strcmp(yyjson_get_str(value), criu_capability_name(i)) == 0)
                                mask |= UINT64_C(1) << i;
                }
        }
        return mask;
}

static bool namespace_own(yyjson_val *spec, const char *type)
{
        yyjson_val *value;
        size_t index, count;

        if (!spec)
                return true;
        yyjson_arr_foreach (yyjson_obj_get(yyjson_obj_get(spec, "linux"), "namespaces"), index, count,
                            value) {
                if (strcmp(json_text_or(value, "type", ""), type) == 0)
                        return true;
        }
        return false;
}

/* Each set is two 32-bit words, the lower first, as repeated fields or packed. */
static int credentials_mask(struct slice credentials, uint64_t *out)
{
        unsigned words[CREDENTIALS_AMBIENT + 1] = {0};
        struct wire_field field;
        int ret;

        *out = 0;
        while ((ret = wire_next(&credentials, &field)) > 0) {
                if (!(field.number >= CREDENTIALS_INHERITABLE && field.number <= CREDENTIALS_BOUNDING) &&
                    field.number != CREDENTIALS_AMBIENT)
                        continue;
                if (field.type == WIRE_VARINT) {
                        *out |= (field.value & UINT32_MAX) << (words[field.number]++ & 1 ? 32 : 0);
                } else if (field.type == WIRE_BYTES && field.bytes.size) {
                        return -EBADMSG; /* CRIU does not pack them */
                }
        }
        return ret;
}

static int find_capabilities(const struct dump_rights *rights, const char *name, struct slice core)
{
        struct slice thread, credentials;
        uint64_t mask = 0;

        if (field_bytes(core, CORE_THREAD, &thread) < 0 ||
            field_bytes(thread, THREAD_CREDENTIALS, &credentials) < 0 ||
            credentials_mask(credentials, &mask) < 0)
                return error_set(rights->err, &ERROR_BAD_INPUT, -EBADMSG,
                                 "the credentials in %s are malformed", name);
        mask &= ~rights->allowed;
        for (unsigned bit = 0; mask; bit++, mask >>= 1) {
                const char *capability = criu_capability_name(bit);

                if ((mask & 1) && finding_add(rights->out, "capability %s in %s",
                                              capability ? capability : "without a name", name) < 0)
                        return error_oom(rights->err);
        }
        return 0;
}

static int find_namespaces(const struct dump_rights *rights, const char *name, struct slice ids)
{
        for (size_t i = 0; i < ARRAY_SIZE(namespaces) && ids.size && rights->root_ids.size; i++) {
                uint64_t theirs = 0, host = 0;

                if (wire_find(ids, namespaces[i].field, &theirs) <= 0 ||
                    wire_find(rights->root_ids, namespaces[i].field, &host) <= 0)
                        continue;
                if (rights->own[i] && theirs == host &&
                    finding_add(rights->out, "the host's %s namespace in %s", namespaces[i].type, name) < 0)
                        return error_oom(rights->err);
        }
        return 0;
}

/* In a user namespace of its own, capabilities mean nothing to the host. */
static bool user_namespace_own(const struct dump_rights *rights, struct slice ids)
{
        uint64_t theirs = 0, host = 0;

        return wire_find(ids, USER_NAMESPACE, &theirs) > 0 &&
               wire_find(rights->root_ids, USER_NAMESPACE, &host) > 0 && theirs != host;
}

static int read_record(const struct criu_source *source, const char *name, const char *kind,
                       struct buffer *bytes, struct slice *record, struct error *err)
{
        struct criu_image image;
        int ret = source->read(source->context, name, CORE_LIMIT, bytes, err);

        if (ret == 0)
                ret = criu_image_open(buffer_slice(bytes), name, kind, &image, err);
        if (ret == 0)
                ret = criu_image_next(&image, record, err);
        if (ret == 0)
                return error_set(err, &ERROR_BAD_INPUT, -EBADMSG, "%s is empty", name);
        return ret < 0 ? ret : 0;
}

/* The ids lie in the core of each process, or in a file of their own beside it. */
static int read_ids(const struct dump_rights *rights, const char *name, struct slice core,
                    struct buffer *bytes, struct slice *ids)
{
        char file[64];
        uint64_t size;

        if (field_bytes(core, CORE_IDS, ids) < 0)
                return error_set(rights->err, &ERROR_BAD_INPUT, -EBADMSG, "%s is malformed", name);
        snprintf(file, sizeof(file), "ids-%s", name + strlen("core-"));
        if (ids->size || rights->source->size(rights->source->context, file, &size, NULL) < 0)
                return 0;
        return read_record(rights->source, file, "IDS", bytes, ids, rights->err);
}

static int look_at_core(void *context, const char *name, uint64_t size)
{
        const struct dump_rights *rights = context;
        _cleanup_buffer_ struct buffer bytes = {0}, ids_bytes = {0};
        struct slice core = {0}, ids = {0};
        int ret;

        if (!text_starts_with(name, "core-") || !text_ends_with(name, ".img"))
                return 0;
        ret = read_record(rights->source, name, "CORE", &bytes, &core, rights->err);
        if (ret == 0)
                ret = read_ids(rights, name, core, &ids_bytes, &ids);
        if (ret == 0)
                ret = find_namespaces(rights, name, ids);
        if (ret < 0 || user_namespace_own(rights, ids))
                return ret;
        return find_capabilities(rights, name, core);
}

int dump_find_demands(const struct criu_source *source, yyjson_val *spec, struct finding *out,
                      struct error *err)
{
        struct dump_rights rights = {
                .source = source, .allowed = capabilities_allowed(spec), .out = out, .err = err};
        _cleanup_buffer_ struct buffer bytes = {0};
        struct slice inventory = {0};
        int ret = read_record(source, "inventory.img", "INVENTORY", &bytes, &inventory, err);

        if (ret < 0)
                return ret;
        if (field_bytes(inventory, INVENTORY_ROOT_IDS, &rights.root_ids) < 0)
                return error_set(err, &ERROR_BAD_INPUT, -EBADMSG, "inventory.img is malformed");
        for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
                rights.own[i] = namespace_own(spec, namespaces[i].type);
        return source->list(source->context, look_at_core, &rights, err);
}
