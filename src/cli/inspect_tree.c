/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of `inspect`: the same nodes in the same words as checkpointctl, in an order that never changes.
 */
#include <inttypes.h>
#include "base/json.h"
#include "cli/inspect.h"
#include "program/memory.h"
#include "program/units.h"

static void add_text(struct outline *outline, unsigned depth, const char *label, const char *text)
{
        if (text[0])
                outline_add(outline, depth, "%s: %s", label, text);
}

static void add_size(struct outline *outline, unsigned depth, const char *label, uint64_t size)
{
        char text[UNIT_TEXT_SIZE];

        outline_add(outline, depth, "%s: %s", label, size_format(size, text));
}

static void add_time(struct outline *outline, const char *label, uint64_t us)
{
        char text[UNIT_TEXT_SIZE];

        outline_add(outline, 2, "%s: %s", label, statistic_format(us, text));
}

static void add_networks(const struct inspection *inspection, struct outline *outline)
{
        struct network_interface *interfaces;
        size_t count = inspection_interfaces(inspection, &interfaces);

        if (count)
                outline_add(outline, 1, "Network Interfaces");
        for (size_t i = 0; i < count; i++) {
                outline_add(outline, 2, "%s (%s)", interfaces[i].network, interfaces[i].name);
                add_text(outline, 3, "IP", interfaces[i].ip);
                add_text(outline, 3, "MAC", interfaces[i].mac);
                add_text(outline, 3, "Gateway", interfaces[i].gateway);
        }
        if (count == 0) {
                add_text(outline, 1, "IP", inspection->metadata->ip);
                add_text(outline, 1, "MAC", inspection->metadata->mac);
        }
        network_interfaces_free(interfaces, count);
}

static void add_sizes(const struct metadata *metadata, struct outline *outline)
{
        add_size(outline, 1, "Checkpoint size", metadata->checkpoint_size);
        if (metadata->pages_size)
                add_size(outline, 2, "Memory pages size", metadata->pages_size);
        if (metadata->gpu_pages_size)
                add_size(outline, 2, "AMD GPU memory pages size", metadata->gpu_pages_size);
        if (metadata->rootfs_diff_size)
                add_size(outline, 1, "Root FS diff size", metadata->rootfs_diff_size);
}

static void add_statistics(const struct criu_statistics *statistics, struct outline *outline)
{
        if (!statistics->present)
                return;
        outline_add(outline, 1, "CRIU dump statistics");
        add_time(outline, "Freezing time", statistics->freezing_time);
        add_time(outline, "Frozen time", statistics->frozen_time);
        add_time(outline, "Memdump time", statistics->memdump_time);
        add_time(outline, "Memwrite time", statistics->memwrite_time);
        outline_add(outline, 2, "Pages scanned: %" PRIu64, statistics->pages_scanned);
        outline_add(outline, 2, "Pages written: %" PRIu64, statistics->pages_written);
}

/* Our own facts (snap.json): what the peer's archives do not tell. */
static void add_capture(yyjson_doc *facts, struct outline *outline)
{
        yyjson_val *root = yyjson_doc_get_root(facts), *host = yyjson_obj_get(root, "host");
        yyjson_val *runtime = yyjson_obj_get(root, "runtime"), *capture = yyjson_obj_get(root, "capture");
        uint64_t criu = json_uint_or(yyjson_obj_get(root, "criu"), "version", 0);

        if (!root)
                return;
        outline_add(outline, 1, "Capture");
        add_text(outline, 2, "Checkpoint ID", json_text_or(root, "id", ""));
        add_text(outline, 2, "Taken at", json_text_or(root, "createdAt", ""));
        add_text(outline, 2, "Host", json_text_or(host, "hostname", ""));
        add_text(outline, 2, "Kernel", json_text_or(host, "kernel", ""));
        add_text(outline, 2, "Architecture", json_text_or(host, "architecture", ""));
        add_text(outline, 2, "CPU", json_text_or(host, "cpuModel", ""));
        outline_add(outline, 2, "Runtime: %s %s", json_text_or(runtime, "name", "unknown"),
                    json_text_or(runtime, "version", ""));
        if (criu)
                outline_add(outline, 2, "CRIU: %" PRIu64 ".%" PRIu64 ".%" PRIu64, criu / 10000,
                            criu / 100 % 100, criu % 100);
        outline_add(outline, 2, "Processes: %" PRIu64, json_uint_or(capture, "processes", 0));
        add_time(outline, "Frozen for", json_uint_or(capture, "frozenUs", 0));
        outline_add(outline, 2, "Left running: %s",
                    json_bool_or(capture, "leftRunning", false) ? "yes" : "no");
        add_text(outline, 2, "TCP connections", json_text_or(capture, "tcp", ""));
}

/* A scalar as Go prints it. */
static void add_value(struct outline *outline, unsigned depth, const char *label, yyjson_val *value)
{
        _cleanup_free_ char *text = NULL;

        if (yyjson_is_str(value)) {
                outline_add(outline, depth, "%s: %s", label, yyjson_get_str(value));
                return;
        }
        text = yyjson_val_write(value, 0, NULL);
        outline_add(outline, depth, "%s: %s", label, text ? text : "");
}

/* Recursion ends at the nesting that json_parse accepts. */
static void add_json(struct outline *outline, unsigned depth, yyjson_val *value)
{
        yyjson_val *key, *item;
        size_t i, n;
        char label[32];

        if (yyjson_is_obj(value)) {
                yyjson_obj_foreach (value, i, n, key, item) {
                        if (yyjson_is_ctn(item)) {
                                outline_add(outline, depth, "%s:", yyjson_get_str(key));
                                add_json(outline, depth + 1, item);
                        } else
                                add_value(outline, depth, yyjson_get_str(key), item);
                }
                return;
        }
        yyjson_arr_foreach (value, i, n, item) {
                snprintf(label, sizeof(label), "[%zu]", i);
                if (yyjson_is_ctn(item)) {
                        outline_add(outline, depth, "%s:", label);
                        add_json(outline, depth + 1, item);
                } else
                        add_value(outline, depth, label, item);
        }
}

/* CRI-O keeps the mounts of the CRI request in an annotation. */
static void add_volumes(struct outline *outline, yyjson_val *volumes)
{
        yyjson_val *volume;
        size_t i, n;

        yyjson_arr_foreach (volumes, i, n, volume) {
                outline_add(outline, 4, "%s", json_text_or(volume, "container_path", ""));
                outline_add(outline, 5, "host path: %s", json_text_or(volume, "host_path", ""));
                outline_add(outline, 5, "read-only: %s",
                            json_bool_or(volume, "readonly", false) ? "true" : "false");
                outline_add(outline, 5, "selinux relabel: %s",
                            json_bool_or(volume, "selinux_relabel", false) ? "true" : "false");
                outline_add(outline, 5, "recursive read-only: %s",
                            json_bool_or(volume, "recursive_read_only", false) ? "true" : "false");
                outline_add(outline, 5, "propagation: %" PRIu64, json_uint_or(volume, "propagation", 0));
        }
}

static bool holds_json(const char *key)
{
        static const char *const keys[] = {"io.kubernetes.cri-o.Labels", "io.kubernetes.cri-o.Annotations",
                                           "io.kubernetes.cri-o.Metadata", "io.kubernetes.cri-o.Volumes",
                                           "kubectl.kubernetes.io/last-applied-configuration"};

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (strcmp(key, keys[i]) == 0)
                        return true;
        return false;
}

static void add_annotation(struct outline *outline, const struct annotation *annotation)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root;

        if (holds_json(annotation->key))
                (void)json_parse(SLICE_TEXT(annotation->value), annotation->key, &doc, NULL);
        root = yyjson_doc_get_root(doc);
        if (!yyjson_is_ctn(root)) {
                outline_add(outline, 3, "%s: %s", annotation->key, annotation->value);
                return;
        }
        outline_add(outline, 3, "%s", annotation->key);
        if (text_ends_with(annotation->key, ".Volumes") && yyjson_is_arr(root))
                add_volumes(outline, root);
        else
                add_json(outline, 4, root);
}

static void add_metadata(const struct inspection *inspection, struct outline *outline)
{
        _cleanup_free_ struct annotation *annotations = NULL;
        size_t count = inspection_annotations(inspection, &annotations);

        outline_add(outline, 1, "Metadata");
        add_text(outline, 2, "Pod name", inspection->metadata->pod_name);
        add_text(outline, 2, "Kubernetes namespace", inspection->metadata->pod_namespace);
        if (count)
                outline_add(outline, 2, "Annotations");
        for (size_t i = 0; i < count; i++)
                add_annotation(outline, &annotations[i]);
}

static void add_environment(const struct process_text *text, struct outline *outline, unsigned depth)
{
        struct slice rest = buffer_slice(&text->environment), variable;
        bool first = true;

        while (process_text_next(&rest, &variable)) {
                if (first)
                        outline_add(outline, depth, "Environment variables");
                first = false;
                outline_add(outline, depth + 1, "%.*s", (int)variable.size, (const char *)variable.data);
        }
}

static void add_files(const struct criu_process *process, struct outline *outline, unsigned depth)
{
        if (process->descriptor_count)
                outline_add(outline, depth, "Open files");
        for (size_t i = 0; i < process->descriptor_count; i++) {
                _cleanup_free_ char *name = descriptor_name(&process->descriptors[i]);
                _cleanup_free_ char *path = descriptor_path(&process->descriptors[i]);

                outline_add(outline, depth + 1, "[%s]  %s", name, path);
        }
}

static void add_socket(const struct criu_socket *socket, struct outline *outline, unsigned depth)
{
        char sent[UNIT_TEXT_SIZE], received[UNIT_TEXT_SIZE];
        const char *protocol = socket->protocol;

        buffer_size_format(socket->send_buffer, sent);
        buffer_size_format(socket->receive_buffer, received);
        if (strcmp(protocol, "UNIX") == 0)
                outline_add(outline, depth, "[UNIX (%s)]  %s", socket->type,
                            socket->source[0] ? socket->source : "@");
        else if (strcmp(protocol, "TCP") == 0 || strcmp(protocol, "UDP") == 0)
                outline_add(outline, depth, "[%s%s%s%s]  %s:%u -> %s:%u (↑ %s ↓ %s)", protocol,
                            protocol[0] == 'T' && socket->state[0] ? " (" : "",
                            protocol[0] == 'T' ? socket->state : "",
                            protocol[0] == 'T' && socket->state[0] ? ")" : "", socket->source,
                            socket->source_port, socket->destination, socket->destination_port, sent,
                            received);
        else
                outline_add(outline, depth, "[%s]  ↑ %s ↓ %s", protocol, sent, received);
}

static void add_sockets(const struct criu_process *process, struct outline *outline, unsigned depth)
{
        if (process->socket_count)
                outline_add(outline, depth, "Open sockets");
        for (size_t i = 0; i < process->socket_count; i++)
                add_socket(&process->sockets[i], outline, depth + 1);
}

static void add_process(const struct inspection *inspection, size_t index, struct outline *outline)
{
        const struct criu_process *process = inspection->places[index].process;
        const struct process_text *text = inspection->texts ? &inspection->texts->items[index] : NULL;
        _cleanup_free_ char *command = text ? process_text_command(text) : memory_copy("");
        unsigned depth = inspection->places[index].depth + 2;
        bool is_running = strcmp(process->state, "Alive") == 0;

        outline_add(outline, depth, "[%d%s%s%s]  %s", (int)process->pid, is_running ? "" : " (",
                    is_running ? "" : process->state, is_running ? "" : ")",
                    command[0] ? command : process->command);
        if (!process_is_alive(process))
                return;
        if (text)
                add_environment(text, outline, depth + 1);
        if (inspection->parts & INSPECT_FILES)
                add_files(process, outline, depth + 1);
        if (inspection->parts & INSPECT_SOCKETS)
                add_sockets(process, outline, depth + 1);
        inspection_task_to_tree(inspection, process, outline, depth + 1);
}

static void add_mounts(const struct inspection *inspection, struct outline *outline)
{
        yyjson_val *spec = yyjson_doc_get_root(inspection->metadata->spec);
        yyjson_val *mounts = yyjson_obj_get(spec, "mounts"), *mount;
        size_t i, n;

        if (yyjson_arr_size(mounts))
                outline_add(outline, 1, "Overview of mounts");
        yyjson_arr_foreach (mounts, i, n, mount) {
                outline_add(outline, 2, "Destination: %s", json_text_or(mount, "destination", ""));
                outline_add(outline, 3, "Type: %s", json_text_or(mount, "type", ""));
                outline_add(outline, 3, "Source: %s", json_text_or(mount, "source", ""));
        }
}

void inspection_to_tree(const struct inspection *inspection, struct outline *outline)
{
        const struct metadata *metadata = inspection->metadata;
        char time[TIME_TEXT_SIZE];

        outline_add(outline, 0, "%s", metadata->container_name[0] ? metadata->container_name : "Container");
        outline_add(outline, 1, "Image: %s", metadata->image_name);
        outline_add(outline, 1, "ID: %s", metadata->container_id);
        outline_add(outline, 1, "Runtime: %s", metadata->runtime);
        outline_add(outline, 1, "Created: %s", inspection_created(metadata, time));
        add_text(outline, 1, "Checkpointed", time_without_fraction(metadata->checkpointed, time));
        outline_add(outline, 1, "Engine: %s", engine_name(metadata->engine));
        add_networks(inspection, outline);
        add_sizes(metadata, outline);
        add_capture(metadata->facts, outline);
        if (inspection->parts & INSPECT_STATISTICS)
                add_statistics(&inspection->dump->statistics, outline);
        if (inspection->parts & INSPECT_METADATA)
                add_metadata(inspection, outline);
        if (inspection->place_count)
                outline_add(outline, 1, "Process tree");
        for (size_t i = 0; i < inspection->place_count; i++)
                add_process(inspection, i, outline);
        if (inspection->parts & INSPECT_MOUNTS)
                add_mounts(inspection, outline);
        inspection_kernel_to_tree(inspection, outline);
}
