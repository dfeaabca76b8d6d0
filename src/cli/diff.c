/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff.h"

#include "program/memory.h"

const struct criu_process *diff_process_of(const struct diff_entry *entry)
{
        return entry->of->places[entry->place].process;
}

const struct process_text *diff_text_of(const struct diff_entry *entry)
{
        return entry->of->texts ? &entry->of->texts->items[entry->place] : NULL;
}

struct diff_socket diff_socket_of(const struct diff_entry *entry)
{
        const struct criu_socket *from = &diff_process_of(entry)->sockets[entry->item];
        struct diff_socket out = {.protocol = from->protocol,
                                  .type = "",
                                  .address = "",
                                  .state = "",
                                  .source = "",
                                  .destination = ""};

        if (strcmp(from->protocol, "UNIX") == 0) {
                out.protocol = from->type;
                out.type = "UNIX";
                out.address = from->source;
        } else if (strcmp(from->protocol, "NETLINK") != 0 && strcmp(from->protocol, "PACKET") != 0) {
                out.type = from->protocol;
                out.state = from->state;
                out.source = from->source;
                out.destination = from->destination;
                out.source_port = from->source_port;
                out.destination_port = from->destination_port;
        }
        return out;
}

static void add(struct diff_list *list, struct diff_entry entry)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity ? list->capacity * 2 : 64;
                list->entries = memory_grow(list->entries, list->capacity, sizeof(*list->entries));
        }
        list->counts[entry.change]++;
        list->entries[list->count++] = entry;
}

static char *key_of(const struct diff_entry *entry, enum diff_subject subject)
{
        const struct criu_process *process = diff_process_of(entry);
        int pid = (int)process->pid;

        if (subject == DIFF_FILES) {
                _cleanup_free_ char *name = descriptor_name(&process->descriptors[entry->item]);
                _cleanup_free_ char *path = descriptor_path(&process->descriptors[entry->item]);

                return memory_printf("%d:%s:%s", pid, name, path);
        }
        if (subject == DIFF_SOCKETS) {
                struct diff_socket socket = diff_socket_of(entry);

                return memory_printf("%d:%s:%s:%s:%s:%u:%s:%u", pid, socket.protocol, socket.type,
                                     socket.address, socket.source, socket.source_port, socket.destination,
                                     socket.destination_port);
        }
        return memory_printf("%d", pid);
}

static size_t items_of(const struct criu_process *process, enum diff_subject subject)
{
        if (subject == DIFF_PROCESSES)
                return 1;
        if (!process_is_alive(process))
                return 0;
        return subject == DIFF_FILES ? process->descriptor_count : process->socket_count;
}

/* All there is in one checkpoint, as if it had just come or gone. */
static struct diff_list collect(const struct inspection *of, enum diff_subject subject,
                                enum diff_change change)
{
        struct diff_list list = {0};

        for (size_t place = 0; place < of->place_count; place++) {
                size_t count = items_of(of->places[place].process, subject);

                for (size_t item = 0; item < count; item++) {
                        struct diff_entry entry = {change, of, place, item, NULL};

                        entry.key = key_of(&entry, subject);
                        add(&list, entry);
                }
        }
        return list;
}

static int compare_entries(const void *a, const void *b)
{
        const struct diff_entry *p = *(struct diff_entry *const *)a, *q = *(struct diff_entry *const *)b;
        int order = strcmp(p->key, q->key);

        return order ? order : (p > q) - (p < q);
}

static struct diff_entry **sorted(const struct diff_list *list)
{
        struct diff_entry **out = memory_grow(NULL, list->count + 1, sizeof(*out));

        for (size_t i = 0; i < list->count; i++)
                out[i] = &list->entries[i];
        qsort(out, list->count, sizeof(*out), compare_entries);
        return out;
}

static bool same_environment(const struct process_text *a, const struct process_text *b)
{
        char **in_a, **in_b;
        size_t count_a = process_environment(a, &in_a), count_b = process_environment(b, &in_b), i = 0;
        bool same;

        while (i < count_a && i < count_b && strcmp(in_a[i], in_b[i]) == 0)
                i++;
        same = i == count_a && i == count_b;
        process_environment_free(in_a, count_a);
        process_environment_free(in_b, count_b);
        return same;
}

static enum diff_change compare_processes(const struct diff_entry *a, const struct diff_entry *b)
{
        const struct process_text *text_a = diff_text_of(a), *text_b = diff_text_of(b);
        bool same = strcmp(diff_process_of(a)->command, diff_process_of(b)->command) == 0;

        if (same && text_a && text_b) {
                _cleanup_free_ char *command_a = process_text_command(text_a);
                _cleanup_free_ char *command_b = process_text_command(text_b);

                same = strcmp(command_a, command_b) == 0 && same_environment(text_a, text_b);
        }
        return same ? DIFF_UNCHANGED : DIFF_MODIFIED;
}

/* Of several with the same key, as unnamed sockets have it, as many stay as both have. */
static struct diff_list compare(const struct inspection *a, const struct inspection *b,
                                enum diff_subject subject)
{
        struct diff_list out = collect(b, subject, DIFF_ADDED), gone = collect(a, subject, DIFF_REMOVED);
        _cleanup_free_ struct diff_entry **in_a = sorted(&gone), **in_b = sorted(&out);

        for (size_t i = 0, j = 0; i < gone.count && j < out.count;) {
                int order = strcmp(in_a[i]->key, in_b[j]->key);

                if (order == 0) {
                        in_b[j]->change = subject == DIFF_PROCESSES ? compare_processes(in_a[i], in_b[j])
                                                                    : DIFF_UNCHANGED;
                        out.counts[DIFF_ADDED]--;
                        out.counts[in_b[j]->change]++;
                        in_a[i]->change = DIFF_UNCHANGED;
                }
                i += order <= 0;
                j += order >= 0;
        }
        for (size_t i = 0; i < gone.count; i++) {
                if (gone.entries[i].change == DIFF_REMOVED)
                        add(&out, gone.entries[i]);
                else
                        free(gone.entries[i].key);
        }
        free(gone.entries);
        return out;
}

void diff_compare(const struct inspection *a, const struct inspection *b, struct diff *out)
{
        *out = (struct diff){.a = a, .b = b};
        out->memory = (int64_t)b->metadata->pages_size - (int64_t)a->metadata->pages_size;
        out->lists[DIFF_PROCESSES] = compare(a, b, DIFF_PROCESSES);
        if (b->parts & INSPECT_FILES)
                out->lists[DIFF_FILES] = compare(a, b, DIFF_FILES);
        if (b->parts & INSPECT_SOCKETS)
                out->lists[DIFF_SOCKETS] = compare(a, b, DIFF_SOCKETS);
}

void diff_release(struct diff *diff)
{
        for (int subject = 0; subject < DIFF_SUBJECTS; subject++) {
                for (size_t i = 0; i < diff->lists[subject].count; i++)
                        free(diff->lists[subject].entries[i].key);
                free(diff->lists[subject].entries);
        }
}

char *diff_summary(const struct diff *diff)
{
        static const char *const names[] = {
                [DIFF_PROCESSES] = "Processes", [DIFF_FILES] = "Files", [DIFF_SOCKETS] = "Sockets"};
        struct buffer out = {0};

        memory_check(buffer_printf(&out, "Checkpoint comparison for container %s",
                                   diff->a->metadata->container_name));
        for (int subject = 0; subject < DIFF_SUBJECTS; subject++) {
                const size_t *counts = diff->lists[subject].counts;

                if (!counts[DIFF_ADDED] && !counts[DIFF_REMOVED] && !counts[DIFF_MODIFIED])
                        continue;
                memory_check(buffer_printf(&out, "\n%s: +%zu -%zu", names[subject], counts[DIFF_ADDED],
                                           counts[DIFF_REMOVED]));
                if (subject == DIFF_PROCESSES)
                        memory_check(buffer_printf(&out, " ~%zu", counts[DIFF_MODIFIED]));
        }
        if (diff->memory)
                memory_check(buffer_printf(&out, "\nMemory: %+.2f MB", (double)diff->memory / MIB));
        return (char *)out.data;
}
