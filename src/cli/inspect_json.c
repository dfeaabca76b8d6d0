/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of `inspect`: checkpointctl's fields; "kernel" and "snap" are ours. */
#include "cli/answer.h"
#include "cli/inspect.h"
#include "program/memory.h"
#include "program/units.h"

static void add_networks(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        struct network_interface *interfaces;
        size_t count = inspection_interfaces(inspection, &interfaces);
        yyjson_mut_val *networks = count ? yyjson_mut_obj_add_arr(doc, object, "networks") : NULL,
                       *members = NULL;

        for (size_t i = 0; i < count; i++) {
                yyjson_mut_val *interface = yyjson_mut_obj(doc);

                if (i == 0 || strcmp(interfaces[i].network, interfaces[i - 1].network) != 0) {
                        yyjson_mut_val *network = yyjson_mut_arr_add_obj(doc, networks);

                        answer_add_text(doc, network, "name", interfaces[i].network);
                        members = yyjson_mut_obj_add_obj(doc, network, "interfaces");
                }
                answer_add_text_if(doc, interface, "ip", interfaces[i].ip);
                answer_add_text_if(doc, interface, "mac", interfaces[i].mac);
                answer_add_text_if(doc, interface, "gateway", interfaces[i].gateway);
                yyjson_mut_obj_add(members, answer_text(doc, interfaces[i].name), interface);
        }
        network_interfaces_free(interfaces, count);
}

static void add_sizes(const struct metadata *metadata, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *sizes = yyjson_mut_obj_add_obj(doc, object, "checkpoint_size");

        answer_add_uint_if(doc, sizes, "total_size", metadata->checkpoint_size);
        answer_add_uint_if(doc, sizes, "memory_pages_size", metadata->pages_size);
        answer_add_uint_if(doc, sizes, "amd_gpu_memory_pages_size", metadata->gpu_pages_size);
        answer_add_uint_if(doc, sizes, "root_fs_diff_size", metadata->rootfs_diff_size);
}

static void add_statistics(const struct criu_statistics *statistics, yyjson_mut_doc *doc,
                           yyjson_mut_val *object)
{
        yyjson_mut_val *out;

        if (!statistics->present)
                return;
        out = yyjson_mut_obj_add_obj(doc, object, "statistics");
        answer_add_uint_if(doc, out, "freezing_time", statistics->freezing_time);
        answer_add_uint_if(doc, out, "frozen_time", statistics->frozen_time);
        answer_add_uint_if(doc, out, "memdump_time", statistics->memdump_time);
        answer_add_uint_if(doc, out, "memwrite_time", statistics->memwrite_time);
        answer_add_uint_if(doc, out, "pages_scanned", statistics->pages_scanned);
        answer_add_uint_if(doc, out, "pages_written", statistics->pages_written);
}

static void add_metadata(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *out = yyjson_mut_obj_add_obj(doc, object, "metadata"), *members;
        _cleanup_free_ struct annotation *annotations = NULL;
        size_t count = inspection_annotations(inspection, &annotations);

        answer_add_text_if(doc, out, "pod_name", inspection->metadata->pod_name);
        answer_add_text_if(doc, out, "kubernetes_namespace", inspection->metadata->pod_namespace);
        members = count ? yyjson_mut_obj_add_obj(doc, out, "annotations") : NULL;
        for (size_t i = 0; i < count; i++)
                answer_add_text(doc, members, annotations[i].key, annotations[i].value);
}

/* A variable without "=" becomes a name without a value. */
static void add_environment(const struct process_text *text, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        struct slice rest = buffer_slice(&text->environment), variable;
        yyjson_mut_val *members = NULL;

        while (process_text_next(&rest, &variable)) {
                _cleanup_free_ char *name = strndup((const char *)variable.data, variable.size);
                char *equals = name ? strchr(name, '=') : NULL;

                memory_check(name ? 0 : -1);
                if (equals)
                        *equals++ = '\0';
                if (!members)
                        members = yyjson_mut_obj_add_obj(doc, object, "environment_variables");
                answer_add_text(doc, members, name, equals ? equals : "");
        }
}

static yyjson_mut_val *process_to_json(const struct inspection *inspection, size_t index, yyjson_mut_doc *doc)
{
        const struct criu_process *process = inspection->places[index].process;
        const struct process_text *text = inspection->texts ? &inspection->texts->items[index] : NULL;
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_int(doc, object, "pid", process->pid);
        answer_add_text(doc, object, "command", process->command);
        if (text) {
                _cleanup_free_ char *command = process_text_command(text);

                answer_add_text_if(doc, object, "cmdline", command);
        }
        answer_add_text_if(doc, object, "task_state", process->state);
        if (text)
                add_environment(text, doc, object);
        return object;
}

/* Where the children of a process are put; made when it has the first. */
static yyjson_mut_val *children_of(yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *children = yyjson_mut_obj_get(object, "children");

        return children ? children : yyjson_mut_obj_add_arr(doc, object, "children");
}

/* Places are in the order of the tree, so the parent is the last process seen one level up. A second root,
 * which CRIU never writes, has no place in checkpointctl's object and stands below the first. */
static void add_processes(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        _cleanup_free_ yyjson_mut_val **last =
                memory_grow(NULL, inspection->place_count + 1, sizeof(yyjson_mut_val *));

        for (size_t i = 0; i < inspection->place_count; i++) {
                yyjson_mut_val *process = process_to_json(inspection, i, doc);
                unsigned depth = inspection->places[i].depth + (i > 0 && inspection->places[i].depth == 0);

                if (depth == 0)
                        yyjson_mut_obj_add_val(doc, object, "process_tree", process);
                else
                        yyjson_mut_arr_append(children_of(doc, last[depth - 1]), process);
                last[depth] = process;
        }
}

static void add_files(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "file_descriptors");

        for (size_t i = 0; i < inspection->place_count; i++) {
                const struct criu_process *process = inspection->places[i].process;
                yyjson_mut_val *entry, *files;

                if (!process_is_alive(process) || process->descriptor_count == 0)
                        continue;
                entry = yyjson_mut_arr_add_obj(doc, list);
                yyjson_mut_obj_add_int(doc, entry, "pid", process->pid);
                files = yyjson_mut_obj_add_arr(doc, entry, "open_files");
                for (size_t j = 0; j < process->descriptor_count; j++) {
                        const struct criu_descriptor *descriptor = &process->descriptors[j];
                        _cleanup_free_ char *name = descriptor_name(descriptor);
                        _cleanup_free_ char *path = descriptor_path(descriptor);
                        yyjson_mut_val *file = yyjson_mut_arr_add_obj(doc, files);

                        answer_add_text(doc, file, "type", descriptor_type(descriptor));
                        answer_add_text(doc, file, "fd", name);
                        answer_add_text(doc, file, "path", path);
                }
        }
}

static yyjson_mut_val *socket_to_json(const struct criu_socket *socket, yyjson_mut_doc *doc)
{
        yyjson_mut_val *object = yyjson_mut_obj(doc), *data;
        bool is_unix = strcmp(socket->protocol, "UNIX") == 0;
        bool is_inet = strcmp(socket->protocol, "NETLINK") != 0 && strcmp(socket->protocol, "PACKET") != 0;
        char size[UNIT_TEXT_SIZE];

        answer_add_text_if(doc, object, "protocol", is_unix ? socket->type : socket->protocol);
        data = yyjson_mut_obj_add_obj(doc, object, "data");
        if (is_unix) {
                yyjson_mut_obj_add_str(doc, data, "type", "UNIX");
                answer_add_text_if(doc, data, "address", socket->source);
                return object;
        }
        if (is_inet) {
                answer_add_text_if(doc, data, "type", socket->protocol);
                answer_add_text_if(doc, data, "state", socket->state);
                answer_add_text_if(doc, data, "src", socket->source);
                answer_add_uint_if(doc, data, "src_port", socket->source_port);
                answer_add_text_if(doc, data, "dst", socket->destination);
                answer_add_uint_if(doc, data, "dst_port", socket->destination_port);
        }
        answer_add_text(doc, data, "send_buf", buffer_size_format(socket->send_buffer, size));
        answer_add_text(doc, data, "recv_buf", buffer_size_format(socket->receive_buffer, size));
        return object;
}

static void add_sockets(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_mut_val *list = NULL;

        for (size_t i = 0; i < inspection->place_count; i++) {
                const struct criu_process *process = inspection->places[i].process;
                yyjson_mut_val *entry, *sockets;

                if (!process_is_alive(process) || process->socket_count == 0)
                        continue;
                if (!list)
                        list = yyjson_mut_obj_add_arr(doc, object, "sockets");
                entry = yyjson_mut_arr_add_obj(doc, list);
                yyjson_mut_obj_add_int(doc, entry, "pid", process->pid);
                sockets = yyjson_mut_obj_add_arr(doc, entry, "open_sockets");
                for (size_t j = 0; j < process->socket_count; j++)
                        yyjson_mut_arr_append(sockets, socket_to_json(&process->sockets[j], doc));
        }
}

static void add_mounts(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_val *spec = yyjson_doc_get_root(inspection->metadata->spec);
        yyjson_val *mounts = yyjson_obj_get(spec, "mounts"), *mount;
        yyjson_mut_val *list = yyjson_arr_size(mounts) ? yyjson_mut_obj_add_arr(doc, object, "mounts") : NULL;
        size_t i, n;

        yyjson_arr_foreach (mounts, i, n, mount) {
                yyjson_mut_val *out = yyjson_mut_arr_add_obj(doc, list);

                answer_add_text(doc, out, "destination", json_text_or(mount, "destination", ""));
                answer_add_text(doc, out, "type", json_text_or(mount, "type", ""));
                answer_add_text(doc, out, "source", json_text_or(mount, "source", ""));
        }
}

/* All facts but the list of members, which is as long as the archive has files. */
static void add_facts(const struct inspection *inspection, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
        yyjson_val *root = yyjson_doc_get_root(inspection->metadata->facts), *key, *value;
        yyjson_mut_val *facts;
        size_t i, n;

        if (!yyjson_is_obj(root))
                return;
        facts = yyjson_mut_obj_add_obj(doc, object, "snap");
        yyjson_obj_foreach (root, i, n, key, value) {
                if (!yyjson_equals_str(key, "members"))
                        yyjson_mut_obj_add(facts, yyjson_val_mut_copy(doc, key),
                                           yyjson_val_mut_copy(doc, value));
        }
}

yyjson_mut_val *inspection_to_json(const struct inspection *inspection, yyjson_mut_doc *doc)
{
        const struct metadata *metadata = inspection->metadata;
        char time[TIME_TEXT_SIZE];
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        answer_add_text(doc, object, "container_name", metadata->container_name);
        answer_add_text(doc, object, "image", metadata->image_name);
        answer_add_text(doc, object, "id", metadata->container_id);
        answer_add_text(doc, object, "runtime", metadata->runtime);
        answer_add_text(doc, object, "created", inspection_created(metadata, time));
        answer_add_text_if(doc, object, "checkpointed", time_without_fraction(metadata->checkpointed, time));
        answer_add_text(doc, object, "engine", engine_name(metadata->engine));
        answer_add_text_if(doc, object, "ip", metadata->ip);
        answer_add_text_if(doc, object, "mac", metadata->mac);
        add_networks(inspection, doc, object);
        add_sizes(metadata, doc, object);
        if (inspection->parts & INSPECT_STATISTICS)
                add_statistics(&inspection->dump->statistics, doc, object);
        if (inspection->parts & INSPECT_METADATA)
                add_metadata(inspection, doc, object);
        if (inspection->parts & INSPECT_PROCESSES)
                add_processes(inspection, doc, object);
        if (inspection->parts & INSPECT_FILES)
                add_files(inspection, doc, object);
        if (inspection->parts & INSPECT_SOCKETS)
                add_sockets(inspection, doc, object);
        if (inspection->parts & INSPECT_MOUNTS)
                add_mounts(inspection, doc, object);
        if (inspection->parts & INSPECT_KERNEL)
                inspection_kernel_to_json(inspection, doc, object);
        add_facts(inspection, doc, object);
        return object;
}
