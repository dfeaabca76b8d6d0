/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of `diff`: checkpointctl's fields. */
#include "cli/answer.h"
#include "cli/diff.h"
#include "program/memory.h"

static yyjson_mut_val *process_to_json(const struct diff_entry *entry, yyjson_mut_doc *doc)
{
        const struct criu_process *process = diff_process_of(entry);
        const struct process_text *text = diff_text_of(entry);
        yyjson_mut_val *object = yyjson_mut_obj(doc), *members;
        char **variables;
        size_t count;

        yyjson_mut_obj_add_int(doc, object, "pid", process->pid);
        answer_add_text(doc, object, "command", process->command);
        if (!text)
                return object;
        if (entry->of->parts & INSPECT_COMMANDS) {
                _cleanup_free_ char *command = process_text_command(text);

                answer_add_text_if(doc, object, "cmdline", command);
        }
        count = process_environment(text, &variables);
        members = count ? yyjson_mut_obj_add_obj(doc, object, "environment_variables") : NULL;
        for (size_t i = 0; i < count; i++) {
                char *equals = strchr(variables[i], '=');

                *equals = '\0';
                answer_add_text(doc, members, variables[i], equals + 1);
        }
        process_environment_free(variables, count);
        return object;
}

static yyjson_mut_val *file_to_json(const struct diff_entry *entry, yyjson_mut_doc *doc)
{
        const struct criu_process *process = diff_process_of(entry);
        const struct criu_descriptor *descriptor = &process->descriptors[entry->item];
        _cleanup_free_ char *name = descriptor_name(descriptor);
        _cleanup_free_ char *path = descriptor_path(descriptor);
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        answer_add_text(doc, object, "path", path);
        answer_add_text(doc, object, "type", descriptor_type(descriptor));
        yyjson_mut_obj_add_int(doc, object, "pid", process->pid);
        answer_add_text(doc, object, "fd", name);
        return object;
}

static yyjson_mut_val *socket_to_json(const struct diff_entry *entry, yyjson_mut_doc *doc)
{
        struct diff_socket socket = diff_socket_of(entry);
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        yyjson_mut_obj_add_int(doc, object, "pid", diff_process_of(entry)->pid);
        answer_add_text(doc, object, "protocol", socket.protocol);
        answer_add_text(doc, object, "type", socket.type);
        answer_add_text_if(doc, object, "address", socket.address);
        answer_add_text_if(doc, object, "state", socket.state);
        answer_add_text_if(doc, object, "source", socket.source);
        answer_add_uint_if(doc, object, "src_port", socket.source_port);
        answer_add_text_if(doc, object, "dest", socket.destination);
        answer_add_uint_if(doc, object, "dst_port", socket.destination_port);
        return object;
}

static void add_list(const struct diff *diff, enum diff_subject subject, yyjson_mut_doc *doc,
                     yyjson_mut_val *object)
{
        static const char *const names[] = {[DIFF_PROCESSES] = "process_changes",
                                            [DIFF_FILES] = "file_changes",
                                            [DIFF_SOCKETS] = "socket_changes"},
                                 *const changes[] = {[DIFF_ADDED] = "added",
                                                     [DIFF_REMOVED] = "removed",
                                                     [DIFF_MODIFIED] = "modified",
                                                     [DIFF_UNCHANGED] = "unchanged"};
        static yyjson_mut_val *(*const to_json[])(const struct diff_entry *,
                                                  yyjson_mut_doc *) = {[DIFF_PROCESSES] = process_to_json,
                                                                       [DIFF_FILES] = file_to_json,
                                                                       [DIFF_SOCKETS] = socket_to_json};
        const struct diff_list *list = &diff->lists[subject];
        yyjson_mut_val *out = yyjson_mut_obj_add_obj(doc, object, names[subject]);

        for (int change = 0; change < DIFF_CHANGES; change++) {
                yyjson_mut_val *array;

                if (!list->counts[change])
                        continue;
                array = yyjson_mut_obj_add_arr(doc, out, changes[change]);
                for (size_t i = 0; i < list->count; i++)
                        if (list->entries[i].change == (enum diff_change)change)
                                yyjson_mut_arr_append(array, to_json[subject](&list->entries[i], doc));
        }
}

static void add_checkpoint(const struct inspection *inspection, const char *name, yyjson_mut_doc *doc,
                           yyjson_mut_val *object)
{
        yyjson_mut_val *out = yyjson_mut_obj_add_obj(doc, object, name);
        char time[TIME_TEXT_SIZE];

        answer_add_text(doc, out, "created", inspection_created(inspection->metadata, time));
        yyjson_mut_obj_add_uint(doc, out, "total_size", inspection->metadata->checkpoint_size);
}

yyjson_mut_val *diff_to_json(const struct diff *diff, yyjson_mut_doc *doc)
{
        const struct metadata *metadata = diff->a->metadata;
        yyjson_mut_val *object = yyjson_mut_obj(doc), *memory;
        _cleanup_free_ char *summary = diff_summary(diff);

        answer_add_text(doc, object, "container_id", metadata->container_id);
        answer_add_text(doc, object, "container_name", metadata->container_name);
        answer_add_text(doc, object, "image", metadata->image_name);
        add_checkpoint(diff->a, "checkpoint_a", doc, object);
        add_checkpoint(diff->b, "checkpoint_b", doc, object);
        add_list(diff, DIFF_PROCESSES, doc, object);
        if (diff->b->parts & INSPECT_FILES)
                add_list(diff, DIFF_FILES, doc, object);
        memory = yyjson_mut_obj_add_obj(doc, object, "memory_changes");
        yyjson_mut_obj_add_sint(doc, memory, "size_change_bytes", diff->memory);
        /* As Go writes it: whole numbers without a fraction. */
        if (diff->memory % (int64_t)MIB == 0)
                yyjson_mut_obj_add_sint(doc, memory, "size_change_mb", diff->memory / (int64_t)MIB);
        else
                yyjson_mut_obj_add_real(doc, memory, "size_change_mb", (double)diff->memory / MIB);
        if (diff->b->parts & INSPECT_SOCKETS)
                add_list(diff, DIFF_SOCKETS, doc, object);
        answer_add_text(doc, object, "summary", summary);
        return object;
}
