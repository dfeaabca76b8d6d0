/* SPDX-License-Identifier: Apache-2.0 */
/* The text of `diff`: checkpointctl's boxes, in an order that never changes. */
#include <inttypes.h>
#include "cli/diff.h"
#include "program/memory.h"
#include "cli/style.h"
#include "cli/text.h"

/* Columns between the corners of a box. */
#define HEAD_WIDTH    64
#define BOX_WIDTH     62
#define SOCKETS_WIDTH 71

#define VALUE_WIDTH   51
#define COMMAND_WIDTH 55
#define PATH_WIDTH    38
#define LOCAL_WIDTH   21

struct printer {
        const struct diff *diff;
        bool show_unchanged;
        FILE *out;
};

static const struct {
        const char *heading, *mark;
        enum style style;
} changes[] = {
        [DIFF_ADDED] = {"Added", "+", STYLE_GOOD},
        [DIFF_REMOVED] = {"Removed", "-", STYLE_BAD},
        [DIFF_MODIFIED] = {"Modified", "~", STYLE_WARNING},
        [DIFF_UNCHANGED] = {"Unchanged", "=", STYLE_PLAIN},
};

static void print_rule(const struct printer *printer, const char *left, const char *line, size_t width,
                       const char *right)
{
        fputs(left, printer->out);
        while (width-- > 0)
                fputs(line, printer->out);
        fprintf(printer->out, "%s\n", right);
}

static void print_box_top(const struct printer *printer, const char *title, size_t width)
{
        fprintf(printer->out, "┌─ %s%s%s ", style_begin(STYLE_HEADING, printer->out), title,
                style_end(STYLE_HEADING, printer->out));
        print_rule(printer, "", "─", width - 3 - strlen(title), "┐");
}

static void print_box_bottom(const struct printer *printer, size_t width)
{
        print_rule(printer, "└", "─", width, "┘");
}

static void print_mark(const struct printer *printer, enum diff_change change)
{
        fprintf(printer->out, "%s%s%s", style_begin(changes[change].style, printer->out),
                changes[change].mark, style_end(changes[change].style, printer->out));
}

static void print_head_row(const struct printer *printer, const char *label, const char *value)
{
        fprintf(printer->out, "║ %-11s", label);
        text_print_fitted(value, VALUE_WIDTH, true, printer->out);
        fputs(" ║\n", printer->out);
}

static void print_head(const struct printer *printer)
{
        const struct metadata *metadata = printer->diff->a->metadata;

        print_rule(printer, "╔", "═", HEAD_WIDTH, "╗");
        fprintf(printer->out, "║ %s%-62s%s ║\n", style_begin(STYLE_HEADING, printer->out), "Checkpoint Diff",
                style_end(STYLE_HEADING, printer->out));
        print_rule(printer, "╠", "═", HEAD_WIDTH, "╣");
        print_head_row(printer, "Container:", metadata->container_name);
        print_head_row(printer, "Image:", metadata->image_name);
        print_head_row(printer, "ID:", metadata->container_id);
        print_rule(printer, "╚", "═", HEAD_WIDTH, "╝");
}

static void print_checkpoint(const struct printer *printer, const char *name, const struct metadata *metadata)
{
        char time[TIME_TEXT_SIZE];

        fprintf(printer->out, "%s:\n  Created: ", name);
        text_print_safe(inspection_created(metadata, time), printer->out);
        fprintf(printer->out, "\n  Size:    %" PRIu64 " bytes\n\n", metadata->checkpoint_size);
}

static void print_memory(const struct printer *printer)
{
        double mib = (double)printer->diff->memory / MIB;

        print_box_top(printer, "Memory Changes", BOX_WIDTH);
        if (printer->diff->memory == 0)
                fputs("│ = No change\n", printer->out);
        else
                fprintf(printer->out, "│ %s by %.2f MB\n", mib > 0 ? "↑ Increased" : "↓ Decreased",
                        mib > 0 ? mib : -mib);
        print_box_bottom(printer, BOX_WIDTH);
}

static void print_environment(const struct printer *printer, const struct process_text *text)
{
        char **variables;
        size_t count = process_environment(text, &variables);

        for (size_t i = 0; i < count; i++) {
                fputs("│             ", printer->out);
                text_print_safe(variables[i], printer->out);
                putc('\n', printer->out);
        }
        process_environment_free(variables, count);
}

static void print_process(const struct printer *printer, const struct diff_entry *entry)
{
        const struct criu_process *process = diff_process_of(entry);
        const struct process_text *text = diff_text_of(entry);
        _cleanup_free_ char *command = text ? process_text_command(text) : NULL;

        fputs("│   ", printer->out);
        print_mark(printer, entry->change);
        fprintf(printer->out, " PID %-5d ", (int)process->pid);
        text_print_safe(process->command, printer->out);
        putc('\n', printer->out);
        if (entry->change == DIFF_ADDED && entry->of->parts & INSPECT_COMMANDS && command && *command) {
                fputs("│             ", printer->out);
                text_print_fitted(command, COMMAND_WIDTH, false, printer->out);
                putc('\n', printer->out);
        }
        if (text)
                print_environment(printer, text);
}

static void print_file(const struct printer *printer, const struct diff_entry *entry)
{
        const struct criu_process *process = diff_process_of(entry);
        const struct criu_descriptor *descriptor = &process->descriptors[entry->item];
        _cleanup_free_ char *path = descriptor_path(descriptor);

        fputs("│   ", printer->out);
        print_mark(printer, entry->change);
        fprintf(printer->out, " PID %-5d %-8s ", (int)process->pid, descriptor_type(descriptor));
        text_print_fitted(path, PATH_WIDTH, false, printer->out);
        putc('\n', printer->out);
}

/* The entries of one change below its heading; nothing when there are none. */
static void print_group(const struct printer *printer, enum diff_subject subject, enum diff_change change)
{
        const struct diff_list *list = &printer->diff->lists[subject];

        if (list->counts[change])
                fprintf(printer->out, "│ %s:\n", changes[change].heading);
        for (size_t i = 0; i < list->count; i++) {
                if (list->entries[i].change != change)
                        continue;
                if (subject == DIFF_PROCESSES)
                        print_process(printer, &list->entries[i]);
                else
                        print_file(printer, &list->entries[i]);
        }
}

static void add_to_tree(const struct diff_entry *entry, struct outline *outline)
{
        const struct criu_process *process = diff_process_of(entry);
        const struct process_text *text = diff_text_of(entry);
        bool has_command = text && entry->of->parts & INSPECT_COMMANDS;
        _cleanup_free_ char *command = has_command ? process_text_command(text) : memory_copy("");
        unsigned depth = entry->of->places[entry->place].depth + 1;
        char **variables = NULL;
        size_t count = text ? process_environment(text, &variables) : 0;

        outline_add(outline, depth, "[%s PID %d]  %s", changes[entry->change].mark, (int)process->pid,
                    *command ? command : process->command);
        if (count)
                outline_add(outline, depth + 1, "Environment variables");
        for (size_t i = 0; i < count; i++)
                outline_add(outline, depth + 2, "%s", variables[i]);
        process_environment_free(variables, count);
}

/* The whole tree of B, each process with its mark. */
static void print_tree(const struct printer *printer)
{
        const struct diff_list *list = &printer->diff->lists[DIFF_PROCESSES];
        _cleanup_outline_ struct outline *outline = outline_new();
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        memory_check(stream ? 0 : -1);
        outline_add(outline, 0, "Process tree");
        for (size_t i = 0; i < list->count; i++)
                if (list->entries[i].change != DIFF_REMOVED)
                        add_to_tree(&list->entries[i], outline);
        outline_print(outline, stream);
        memory_check(fclose(stream));
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
                fprintf(printer->out, "│ %.*s\n", (int)(end - line), line);
}

static void print_processes(const struct printer *printer)
{
        const struct diff_list *list = &printer->diff->lists[DIFF_PROCESSES];

        print_box_top(printer, "Process Tree", BOX_WIDTH);
        if (printer->show_unchanged && printer->diff->b->place_count) {
                print_tree(printer);
                print_group(printer, DIFF_PROCESSES, DIFF_REMOVED);
        } else if (list->counts[DIFF_UNCHANGED] == list->count)
                fputs("│ = No change\n", printer->out);
        else
                for (int change = 0; change < DIFF_UNCHANGED; change++)
                        print_group(printer, DIFF_PROCESSES, (enum diff_change)change);
        print_box_bottom(printer, BOX_WIDTH);
}

static void print_files(const struct printer *printer)
{
        print_box_top(printer, "File Descriptor Changes", BOX_WIDTH);
        print_group(printer, DIFF_FILES, DIFF_ADDED);
        print_group(printer, DIFF_FILES, DIFF_REMOVED);
        if (printer->show_unchanged)
                print_group(printer, DIFF_FILES, DIFF_UNCHANGED);
        print_box_bottom(printer, BOX_WIDTH);
}

/* The peer follows one blank after a local address of any length. */
static void print_local(const struct printer *printer, const char *local)
{
        size_t width = text_width(local);

        text_print_safe(local, printer->out);
        fprintf(printer->out, "%*s ", width < LOCAL_WIDTH ? (int)(LOCAL_WIDTH - width) : 0, "");
}

static void print_socket(const struct printer *printer, const struct diff_entry *entry)
{
        struct diff_socket socket = diff_socket_of(entry);
        bool has_ports = strcmp(socket.type, "TCP") == 0 || strcmp(socket.type, "UDP") == 0;
        char local[128], peer[128];

        snprintf(local, sizeof(local), "%s:%u", socket.source, socket.source_port);
        snprintf(peer, sizeof(peer), "%s:%u", socket.destination, socket.destination_port);
        fputs("│  ", printer->out);
        print_mark(printer, entry->change);
        fprintf(printer->out, "  %-5d %-5s %-12s ", (int)diff_process_of(entry)->pid, socket.protocol,
                has_ports && *socket.state ? socket.state : "-");
        if (has_ports)
                print_local(printer, local);
        else
                print_local(printer, *socket.address ? socket.address : "@");
        fprintf(printer->out, "%s\n", has_ports && socket.destination_port ? peer : "-");
}

static void print_sockets(const struct printer *printer)
{
        static const enum diff_change order[] = {DIFF_ADDED, DIFF_REMOVED, DIFF_UNCHANGED};
        const struct diff_list *list = &printer->diff->lists[DIFF_SOCKETS];
        size_t shown = printer->show_unchanged ? list->count : list->count - list->counts[DIFF_UNCHANGED];

        print_box_top(printer, "Socket Changes", SOCKETS_WIDTH);
        if (shown)
                fprintf(printer->out, "│     %-5s %-5s %-12s %-21s %s\n", "PID", "PROTO", "STATE", "LOCAL",
                        "PEER");
        for (size_t i = 0; i < ARRAY_SIZE(order) && shown; i++) {
                if (order[i] == DIFF_UNCHANGED && !printer->show_unchanged)
                        continue;
                for (size_t j = 0; j < list->count; j++)
                        if (list->entries[j].change == order[i])
                                print_socket(printer, &list->entries[j]);
        }
        print_box_bottom(printer, SOCKETS_WIDTH);
}

static void print_summary(const struct printer *printer)
{
        _cleanup_free_ char *summary = diff_summary(printer->diff);

        fprintf(printer->out, "%sSummary:%s\n", style_begin(STYLE_HEADING, printer->out),
                style_end(STYLE_HEADING, printer->out));
        for (char *line = strtok(summary, "\n"); line; line = strtok(NULL, "\n")) {
                text_print_safe(line, printer->out);
                putc('\n', printer->out);
        }
}

void diff_print(const struct diff *diff, bool show_unchanged, FILE *out)
{
        const struct printer printer = {diff, show_unchanged, out};

        print_head(&printer);
        putc('\n', out);
        print_checkpoint(&printer, "Checkpoint A", diff->a->metadata);
        print_checkpoint(&printer, "Checkpoint B", diff->b->metadata);
        print_memory(&printer);
        print_processes(&printer);
        if (diff->b->parts & INSPECT_FILES)
                print_files(&printer);
        if (diff->b->parts & INSPECT_SOCKETS)
                print_sockets(&printer);
        print_summary(&printer);
}
