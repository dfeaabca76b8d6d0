/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/json.h"
#include "cli/inspect.h"
#include "program/memory.h"
#include "oci/location.h"

/* Parts that need the dump, and what to load of it. */
#define NEEDS_DUMP (INSPECT_STATISTICS | NEEDS_PROCESSES | INSPECT_KERNEL)
#define NEEDS_PROCESSES                                                                                      \
        (INSPECT_PROCESSES | INSPECT_COMMANDS | INSPECT_ENVIRONMENT | INSPECT_FILES | INSPECT_SOCKETS |      \
         INSPECT_OF_TASKS | INSPECT_CGROUPS)

static int load_networks(struct inspection *inspection, struct error *err)
{
        int ret;

        if (!archive_find(inspection->archive, "network.status"))
                return 0;
        ret = archive_read_json(inspection->archive, "network.status", &inspection->networks, err);
        return ret == -ENOENT ? 0 : ret;
}

static int load_processes(struct inspection *inspection, pid_t pid, struct error *err)
{
        inspection->place_count = process_order(inspection->dump, pid, &inspection->places);
        if (pid && inspection->place_count == 0) {
                int ret = error_set(err, &ERROR_NOT_FOUND, -ESRCH, "no process with PID %d in `%s`", (int)pid,
                                    inspection->path);

                error_set_hint(err, "inspect --ps-tree shows all PIDs");
                return ret;
        }
        if (!(inspection->parts & (INSPECT_COMMANDS | INSPECT_ENVIRONMENT)))
                return 0;
        return process_texts_read(inspection->archive, inspection->places, inspection->place_count,
                                  inspection->parts & INSPECT_COMMANDS,
                                  inspection->parts & INSPECT_ENVIRONMENT, &inspection->texts, err);
}

static int load_dump(struct inspection *inspection, pid_t pid, struct error *err)
{
        struct criu_source source = archive_criu_source(inspection->archive);
        unsigned load = 0;
        int ret;

        if (inspection->parts & (INSPECT_FILES | INSPECT_SOCKETS | INSPECT_TIMERS))
                load |= CRIU_LOAD_FILES;
        if (inspection->parts & INSPECT_KERNEL)
                load |= CRIU_LOAD_KERNEL;
        ret = criu_dump_load(&source, load, &inspection->dump, err);
        if (ret < 0 || !(inspection->parts & NEEDS_PROCESSES))
                return ret;
        return load_processes(inspection, pid, err);
}

int inspection_load(const char *path, unsigned parts, pid_t pid, struct inspection **out, struct error *err)
{
        _cleanup_inspection_ struct inspection *inspection = memory_grow(NULL, 1, sizeof(*inspection));
        int ret;

        *inspection = (struct inspection){.path = path, .parts = parts};
        if (parts & NEEDS_PROCESSES)
                inspection->parts |= INSPECT_PROCESSES;
        ret = parts & (INSPECT_COMMANDS | INSPECT_ENVIRONMENT)
                      ? location_open(path, &inspection->archive, err)
                      : location_look(path, &inspection->archive, err);
        if (ret == 0)
                ret = metadata_load(inspection->archive, &inspection->metadata, err);
        if (ret == 0)
                ret = load_networks(inspection, err);
        if (ret == 0 && (parts & NEEDS_DUMP))
                ret = load_dump(inspection, pid, err);
        if (ret < 0)
                return ret;
        *out = steal_ptr(inspection);
        return 0;
}

void inspection_free(struct inspection *inspection)
{
        if (inspection->texts)
                process_texts_free(inspection->texts);
        free(inspection->places);
        yyjson_doc_free(inspection->networks);
        if (inspection->dump)
                criu_dump_free(inspection->dump);
        if (inspection->metadata)
                metadata_free(inspection->metadata);
        if (inspection->archive)
                archive_free(inspection->archive);
        free(inspection);
}

char *time_without_fraction(const char *time, char out[TIME_TEXT_SIZE])
{
        const char *point = strchr(time, '.'),
                   *rest = point ? point + 1 + strspn(point + 1, "0123456789") : "";

        snprintf(out, TIME_TEXT_SIZE, "%.*s%s", (int)(point ? (size_t)(point - time) : strlen(time)), time,
                 rest);
        return out;
}

char *inspection_created(const struct metadata *metadata, char out[TIME_TEXT_SIZE])
{
        if (metadata->engine != ENGINE_CRIO)
                return time_without_fraction(metadata->created, out);
        snprintf(out, TIME_TEXT_SIZE, "%s", metadata->created);
        return out;
}

bool process_is_alive(const struct criu_process *process)
{
        return strcmp(process->state, "Alive") == 0 || strcmp(process->state, "Stopped") == 0;
}

const char *descriptor_type(const struct criu_descriptor *descriptor)
{
        return descriptor->fd < 0 ? "" : descriptor->type;
}

char *descriptor_name(const struct criu_descriptor *descriptor)
{
        if (descriptor->fd < 0)
                return memory_copy(descriptor->fd == -1 ? "cwd" : "root");
        return memory_printf("%s %d", descriptor->type, descriptor->fd);
}

char *descriptor_path(const struct criu_descriptor *descriptor)
{
        if (text_starts_with(descriptor->path, "pipe:["))
                return memory_printf("pipe%s", descriptor->path + strlen("pipe:"));
        if (descriptor->path[0])
                return memory_copy(descriptor->path);
        return memory_printf("%s.%u", descriptor->type, descriptor->id);
}

static void append_joined(struct buffer *out, const char *text)
{
        if (text[0])
                memory_check(buffer_printf(out, "%s%s", out->size ? ", " : "", text));
}

static struct network_interface interface_read(const char *network, const char *name, yyjson_val *value)
{
        struct network_interface interface = {
                .network = network, .name = name, .mac = json_text_or(value, "mac_address", "")};
        yyjson_val *subnets = yyjson_obj_get(value, "subnets"), *subnet;
        struct buffer ip = {0}, gateway = {0};
        size_t index, count;

        if (yyjson_is_arr(subnets)) {
                yyjson_arr_foreach (subnets, index, count, subnet) {
                        append_joined(&ip, json_text_or(subnet, "ipnet", ""));
                        append_joined(&gateway, json_text_or(subnet, "gateway", ""));
                }
        }
        interface.ip = memory_copy(buffer_text(&ip));
        interface.gateway = memory_copy(buffer_text(&gateway));
        buffer_free(&ip);
        buffer_free(&gateway);
        return interface;
}

static int compare_interfaces(const void *a, const void *b)
{
        const struct network_interface *p = a, *q = b;
        int order = strcmp(p->network, q->network);

        return order ? order : strcmp(p->name, q->name);
}

size_t inspection_interfaces(const struct inspection *inspection, struct network_interface **out)
{
        yyjson_val *root = yyjson_doc_get_root(inspection->networks), *network, *key, *interfaces, *name,
                   *value;
        size_t i, n, j, m, found = 0;

        *out = NULL;
        if (!yyjson_is_obj(root))
                return 0;
        yyjson_obj_foreach (root, i, n, key, network) {
                interfaces = yyjson_obj_get(network, "interfaces");
                if (!yyjson_is_obj(interfaces))
                        continue;
                yyjson_obj_foreach (interfaces, j, m, name, value) {
                        *out = memory_grow(*out, found + 1, sizeof(**out));
                        (*out)[found++] = interface_read(yyjson_get_str(key), yyjson_get_str(name), value);
                }
        }
        if (found)
                qsort(*out, found, sizeof(**out), compare_interfaces);
        return found;
}

void network_interfaces_free(struct network_interface *interfaces, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                free(interfaces[i].ip);
                free(interfaces[i].gateway);
        }
        free(interfaces);
}

static int compare_annotations(const void *a, const void *b)
{
        return strcmp(((const struct annotation *)a)->key, ((const struct annotation *)b)->key);
}

size_t inspection_annotations(const struct inspection *inspection, struct annotation **out)
{
        yyjson_val *spec = yyjson_doc_get_root(inspection->metadata->spec);
        yyjson_val *annotations = yyjson_obj_get(spec, "annotations"), *key, *value;
        size_t i, n, found = 0;

        *out = NULL;
        if (!yyjson_is_obj(annotations))
                return 0;
        *out = memory_grow(NULL, yyjson_obj_size(annotations), sizeof(**out));
        yyjson_obj_foreach (annotations, i, n, key, value) {
                if (yyjson_is_str(value))
                        (*out)[found++] = (struct annotation){yyjson_get_str(key), yyjson_get_str(value)};
        }
        if (found)
                qsort(*out, found, sizeof(**out), compare_annotations);
        return found;
}
