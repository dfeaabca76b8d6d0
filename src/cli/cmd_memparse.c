/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include "base/file.h"
#include "cli/answer.h"
#include "cli/hex_dump.h"
#include "cli/match_list.h"
#include "program/memory.h"
#include "cli/process_order.h"
#include "cli/progress_bar.h"
#include "program/signals.h"
#include "cli/table.h"
#include "program/units.h"
#include "cli/verb.h"
#include "criu/pagemap.h"
#include "oci/location.h"

static uint64_t pid, context;
static const char *output, *search = "", *search_regex = "";

static const struct option_spec options[] = {
        {"pid", 'p', OPTION_NUMBER, &pid, "PID", "the process whose memory to show or to search"},
        {"output", 'o', OPTION_TEXT, &output, "FILE", "write the memory to this file, every row of it"},
        {"search", 's', OPTION_TEXT, &search, "TEXT", "search for a text"},
        {"search-regex", 'r', OPTION_TEXT, &search_regex, "REGEX", "search for a regular expression"},
        {"context", 'c', OPTION_NUMBER, &context, "BYTES", "show as many bytes around each match"},
};

/* An archive with its dump, which is loaded when it is needed. */
struct opened {
        const char *path;
        struct archive *archive;
        struct criu_dump *dump;
};

static void opened_close(struct opened *opened)
{
        if (opened->dump)
                criu_dump_free(opened->dump);
        if (opened->archive)
                archive_free(opened->archive);
}
#define _cleanup_opened_ _cleanup_(opened_close)

static int open_archive(const char *path, struct opened *out, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_LATE);
        int ret = location_open_unread(path, progress_bar_progress(bar), &out->archive, err);

        progress_bar_finish(bar);
        out->path = path;
        return ret;
}

static int load_dump(struct opened *opened, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_LATE);
        struct criu_source source = archive_criu_source(opened->archive);
        int ret = archive_load(opened->archive, progress_bar_progress(bar), err);

        progress_bar_finish(bar);
        return ret < 0 ? ret : criu_dump_load(&source, CRIU_LOAD_MAPPINGS, &opened->dump, err);
}

static int check_process(struct opened *opened, struct error *err)
{
        int ret = load_dump(opened, err);

        return ret < 0 ? ret : memory_scan_check(opened->dump, (pid_t)pid, err);
}

/* All that the page map lists, in this dump or an earlier one. */
static int memory_size(struct archive *archive, pid_t process, uint64_t *out, struct error *err)
{
        _cleanup_criu_pagemap_ struct criu_pagemap pagemap = {0};
        struct criu_source source = archive_criu_source(archive);
        struct criu_region region;
        char name[64];
        int ret;

        *out = 0;
        snprintf(name, sizeof(name), "pagemap-%d.img", (int)process);
        ret = criu_pagemap_open(&source, name, &pagemap, err);
        while (ret >= 0 && (ret = criu_pagemap_next(&pagemap, &region, err)) > 0)
                *out += region.end - region.start;
        return ret;
}

static uint64_t shared_size(const struct criu_process *process)
{
        uint64_t size = 0;

        for (size_t i = 0; i < process->mapping_count; i++)
                if (process->mappings[i].flags & MAP_SHARED)
                        size += process->mappings[i].end - process->mappings[i].start;
        return size;
}

typedef void (*size_row)(void *to, const struct criu_process *process, uint64_t memory, uint64_t shared);

/* Calls `row` for each process that has memory, in the order of the tree. */
static int each_size(const struct opened *opened, size_row row, void *to, struct error *err)
{
        _cleanup_free_ struct process_place *places = NULL;
        size_t count = process_order(opened->dump, 0, &places);

        for (size_t i = 0; i < count; i++) {
                const struct criu_process *process = places[i].process;
                uint64_t memory;
                int ret;

                if (process->mapping_count == 0)
                        continue; /* it is dead */
                ret = memory_size(opened->archive, process->pid, &memory, err);
                if (ret < 0)
                        return ret;
                row(to, process, memory, shared_size(process));
        }
        return 0;
}

static void size_to_table(void *to, const struct criu_process *process, uint64_t memory, uint64_t shared)
{
        char number[UNIT_TEXT_SIZE];

        snprintf(number, sizeof(number), "%d", (int)process->pid);
        table_cell(to, number);
        table_cell(to, process->command);
        table_cell(to, size_format(memory, number));
        table_cell(to, size_format(shared, number));
}

static int print_sizes(const struct opened *opened, struct error *err)
{
        _cleanup_table_ struct table *table = table_new();
        int ret;

        table_column(table, "PID");
        table_column(table, "PROCESS NAME");
        table_column(table, "MEMORY SIZE");
        table_column(table, "SHARED MEMORY SIZE");
        ret = each_size(opened, size_to_table, table, err);
        if (ret < 0)
                return ret;
        printf("\nDisplaying processes memory sizes from %s\n\n", opened->path);
        table_print(table, stdout);
        return 0;
}

struct json_sizes {
        yyjson_mut_doc *doc;
        yyjson_mut_val *list;
};

static void size_to_json(void *to, const struct criu_process *process, uint64_t memory, uint64_t shared)
{
        const struct json_sizes *sizes = to;
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(sizes->doc, sizes->list);

        yyjson_mut_obj_add_int(sizes->doc, object, "pid", process->pid);
        answer_add_text(sizes->doc, object, "name", process->command);
        yyjson_mut_obj_add_uint(sizes->doc, object, "memory", memory);
        yyjson_mut_obj_add_uint(sizes->doc, object, "sharedMemory", shared);
}

/* An incremental dump holds what changed since the one before it. */
static void warn_absent(uint64_t absent)
{
        char size[UNIT_TEXT_SIZE];

        if (absent)
                fprintf(stderr, "Note: %s of the memory of PID %d are in an earlier dump, not in this one\n",
                        size_format(absent, size), (int)pid);
}

static const char *pattern_text(void)
{
        return search[0] ? search : search_regex;
}

static int print_matches(struct opened *opened, const struct memory_search *spec, struct error *err)
{
        uint64_t absent = 0;
        int64_t count = match_list_print(opened->archive, &opened->dump, spec, &absent, err);

        if (count < 0)
                return (int)count;
        if (count == 0)
                printf("No matches for pattern \"%s\" in the memory of PID %d\n", pattern_text(), (int)pid);
        warn_absent(absent);
        return 0;
}

static int add_matches(struct opened *opened, const struct memory_search *spec, struct match_json *json,
                       yyjson_mut_val *object, struct error *err)
{
        uint64_t absent = 0;
        int ret;

        answer_add_text(json->doc, object, "pattern", pattern_text());
        json->list = yyjson_mut_obj_add_arr(json->doc, object, "matches");
        ret = match_list_to_json(opened->archive, &opened->dump, spec, json, &absent, err);
        answer_add_uint_if(json->doc, object, "absent", absent);
        return ret;
}

static void stream_text(struct answer_stream *stream, const char *name, const char *text)
{
        answer_stream_text(stream, name);
        answer_stream_text_part(stream, SLICE_TEXT(text));
        answer_stream_text_end(stream);
}

/* The members that parse() and add_matches() give the object of a FILE. */
static int stream_matches(struct opened *opened, const struct memory_search *spec,
                          struct answer_stream *stream, struct error *err)
{
        uint64_t absent = 0;
        int ret;

        answer_stream_open(stream, NULL, '{');
        stream_text(stream, "path", opened->path);
        answer_stream_unsigned(stream, "pid", pid);
        stream_text(stream, "pattern", pattern_text());
        ret = match_list_stream(opened->archive, &opened->dump, spec, stream, &absent, err);
        if (absent)
                answer_stream_unsigned(stream, "absent", absent);
        answer_stream_close(stream, '}');
        return ret;
}

/* Into `json`, or to standard output: through `stream` or as a table. */
static int search_memory(struct opened *opened, struct match_json *json, yyjson_mut_val *object,
                         struct answer_stream *stream, struct error *err)
{
        _cleanup_memory_pattern_ struct memory_pattern *pattern = NULL;
        struct memory_search spec = {.pid = (pid_t)pid, .context = context};
        /* 0 is none, and would be all of them. */
        int ret = pid ? 0 : check_process(opened, err);

        if (ret == 0)
                ret = memory_pattern_new(pattern_text(), !search[0], &pattern, err);
        if (ret < 0)
                return ret;
        spec.pattern = pattern;
        if (stream)
                return stream_matches(opened, &spec, stream, err);
        return json->doc ? add_matches(opened, &spec, json, object, err) : print_matches(opened, &spec, err);
}

/* A pipe or a device is written to, and never replaced. */
static bool output_is_special(void)
{
        struct stat st;

        return stat(output, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int save_to_special(struct opened *opened, const struct progress *progress, uint64_t *absent,
                           struct error *err)
{
        _cleanup_close_ int fd = open(output, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, errno, "cannot open `%s`", output);
        return hex_dump_save(opened->archive, &opened->dump, (pid_t)pid, fd, progress, absent, err);
}

static int save_to_file(struct opened *opened, const struct progress *progress, uint64_t *absent,
                        struct error *err)
{
        _cleanup_free_ char *real =
                realpath(output, NULL); /* what a link leads to is replaced, not the link */
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret = file_writer_open(real ? real : output, true, &writer, err);

        if (ret == 0)
                ret = hex_dump_save(opened->archive, &opened->dump, (pid_t)pid, file_writer_fd(writer),
                                    progress, absent, err);
        return ret < 0 ? ret : file_writer_commit(writer, err);
}

static int save(struct opened *opened, bool quiet, uint64_t *absent, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar =
                progress_bar_new(stderr, progress_style_for(stderr, quiet || !isatty(STDERR_FILENO)));
        int ret = (output_is_special() ? save_to_special : save_to_file)(opened, progress_bar_progress(bar),
                                                                         absent, err);

        progress_bar_finish(bar);
        return ret;
}

static void announce(const struct opened *opened, bool quiet)
{
        if (!output)
                printf("\nDisplaying memory pages content for process ID %d from checkpoint: %s\n\n",
                       (int)pid, opened->path);
        else if (!quiet)
                printf("\nWriting memory pages content for process ID %d from checkpoint: %s to "
                       "file: "
                       "%s...\n",
                       (int)pid, opened->path, output);
        fflush(stdout);
}

static int dump_memory(struct opened *opened, bool quiet, struct error *err)
{
        /* An archive that is unread is read by the dump, which shows then whether the process is there. */
        bool at_once = output && !output_is_special() && archive_is_unread(opened->archive);
        uint64_t absent = 0;
        int ret = 0;

        if (!at_once) {
                ret = check_process(opened, err);
                if (ret < 0)
                        return ret;
                announce(opened, quiet);
        }
        if (output) {
                signals_catch();
                ret = save(opened, quiet, &absent, err);
        } else {
                ret = hex_dump_print(opened->archive, &opened->dump, (pid_t)pid, STDOUT_FILENO, &absent, err);
        }
        if (ret < 0)
                return ret;
        if (at_once)
                announce(opened, quiet);
        warn_absent(absent);
        return 0;
}

static int parse(const char *path, struct match_json *json, struct error *err)
{
        yyjson_mut_doc *doc = json->doc;
        _cleanup_opened_ struct opened opened = {0};
        yyjson_mut_val *object = doc ? yyjson_mut_arr_add_obj(doc, yyjson_mut_doc_get_root(doc)) : NULL;
        int ret = open_archive(path, &opened, err);

        if (ret < 0)
                return ret;
        if (doc) {
                answer_add_text(doc, object, "path", path);
                answer_add_uint_if(doc, object, "pid", pid);
                answer_add_text_if(doc, object, "output", output);
        }
        if (pattern_text()[0])
                return search_memory(&opened, json, object, NULL, err);
        if (pid)
                return dump_memory(&opened, doc != NULL, err);
        ret = load_dump(&opened, err);
        if (ret < 0)
                return ret;
        if (doc) {
                struct json_sizes sizes = {doc, yyjson_mut_obj_add_arr(doc, object, "processes")};

                return each_size(&opened, size_to_json, &sizes, err);
        }
        return print_sizes(&opened, err);
}

static int check_options(const struct cli *cli, int argc, struct error *err)
{
        bool dumps = pid && !pattern_text()[0];

        if (pid > INT_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "there is no PID %llu", (unsigned long long)pid);
        if (context > MEMORY_CONTEXT_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "--context is at most %llu",
                                 (unsigned long long)MEMORY_CONTEXT_MAX);
        if (output && (!dumps || argc > 1))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "--output is for the memory of one process (--pid) of one FILE");
        if (cli->json && dumps && !output)
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "memory is no JSON: give --output with --json, or a search");
        return 0;
}

/* More matches than are kept: now that every search has succeeded once, they are printed while they are
 * found. */
static int stream_all(int argc, char **argv, struct error *err)
{
        struct answer_stream stream = {0};
        int ret = 0;

        answer_stream_open(&stream, NULL, '[');
        for (int i = 0; ret == 0 && i < argc; i++) {
                _cleanup_opened_ struct opened opened = {0};

                ret = open_archive(argv[i], &opened, err);
                if (ret == 0)
                        ret = search_memory(&opened, NULL, NULL, &stream, err);
        }
        answer_stream_close(&stream, ']');
        return ret;
}

static int run(const struct cli *cli, int argc, char **argv, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = cli->json ? answer_new() : NULL;
        struct match_json json = {.doc = doc};
        int ret = check_options(cli, argc, err);

        if (doc)
                yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        for (int i = 0; ret == 0 && i < argc; i++)
                ret = parse(argv[i], &json, err);
        if (ret == 0 && json.too_many)
                return stream_all(argc, argv, err);
        return ret == 0 && doc ? answer_print(doc, err) : ret;
}

const struct verb verb_memparse = {
        .name = "memparse",
        .usage = "FILE...",
        .summary = "look into the memory of processes",
        .description =
                "Without options, shows how much memory each process has. With --pid, prints the memory "
                "of a process in hexadecimal; equal rows are one `*` unless --output is given. With "
                "--search or --search-regex, lists where a text is.\n\n"
                "--search compares bytes. --search-regex takes the regular expressions of PCRE2, to "
                "which every byte that is no printable ASCII is a `?`, as it is shown; a match is cut "
                "after 64 KiB. Memory that CRIU leaves out because it stands unchanged in a file "
                "is not there to be found, nor is a memory file (memfd) that no process has mapped as "
                "shared.\n\n"
                "With --json, prints an array with one object for each FILE.",
        .examples = "checkpointctl memparse c.tar\thow much memory each process has\n"
                    "checkpointctl memparse c.tar -p 1 | less\tthe memory of process 1\n"
                    "checkpointctl memparse c.tar -p 1 -o memory.txt\tall of it, into a file\n"
                    "checkpointctl memparse c.tar -p 1 -s PASSWORD -c 20\twhere that is, with 20 bytes "
                    "around it\n"
                    "checkpointctl memparse c.tar -p 1 -r 'HOME=([^?]+)'\tthe same with a regular expression",
        .options = OPTION_TABLE(options),
        .argument = ARGUMENT_FILE,
        .arguments_min = 1,
        .arguments_max = UINT_MAX,
        .opens_checkpoints = true,
        .reaches_nodes = true,
        .run = run,
};
