/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "program/memory.h"
#include "cli/page_cache.h"
#include "cli/process_text.h"
#include "criu/dump.h"

struct reading {
        struct criu_source source;
        criu_pages_reader reader;
        void *context;
        bool with_arguments, with_environment;
        uint64_t total; /* bytes so far, against PROCESS_TEXT_TOTAL_LIMIT */
};

static int read_range(struct reading *reading, pid_t pid, uint64_t start, uint64_t end, struct buffer *out,
                      struct error *err)
{
        struct error missing = {0};
        uint64_t size = end > start ? end - start : 0;
        int ret;

        if (size > PROCESS_TEXT_LIMIT)
                size = PROCESS_TEXT_LIMIT;
        reading->total += size;
        if (reading->total > PROCESS_TEXT_TOTAL_LIMIT) {
                ret = error_set(err, &ERROR_UNSUPPORTED, -EFBIG,
                                "the command lines and environments are larger than %llu MiB together",
                                (unsigned long long)(PROCESS_TEXT_TOTAL_LIMIT / MIB));
                error_set_hint(err, "choose one process with --pid");
                return ret;
        }
        memory_check(buffer_reserve(out, size));
        out->size = 0;
        ret = criu_memory_read(&reading->source, reading->reader, reading->context, pid, start, out->data,
                               size, &missing);
        if (ret == 0)
                out->size = size;
        else if (ret != -ENOENT && err)
                *err = missing;
        return ret == -ENOENT ? 0 : ret;
}

static int read_all(struct reading *reading, const struct process_place *places, struct process_texts *texts,
                    struct error *err)
{
        reading->total = 0;
        for (size_t i = 0; i < texts->count; i++) {
                const struct criu_process *process = places[i].process;
                struct process_text *text = &texts->items[i];
                int ret = 0;

                if (reading->with_arguments)
                        ret = read_range(reading, process->pid, process->argument_start,
                                         process->argument_end, &text->arguments, err);
                if (ret == 0 && reading->with_environment)
                        ret = read_range(reading, process->pid, process->environment_start,
                                         process->environment_end, &text->environment, err);
                if (ret < 0)
                        return error_wrap(err, ret, "process %d", (int)process->pid);
        }
        return 0;
}

/* Three steps for an archive that can only be read forward, where what was kept of it is not enough. */
static int read_forward(struct reading *reading, struct archive *archive, const struct process_place *places,
                        struct process_texts *texts, struct error *err)
{
        _cleanup_page_cache_ struct page_cache *cache = page_cache_new(archive, 2 * PROCESS_TEXT_TOTAL_LIMIT);
        int ret;

        reading->context = cache;
        reading->reader = page_cache_note;
        ret = read_all(reading, places, texts, err);
        if (ret == 0)
                ret = page_cache_fill(cache, err);
        reading->reader = page_cache_serve;
        return ret < 0 ? ret : read_all(reading, places, texts, err);
}

int process_texts_read(struct archive *archive, const struct process_place *places, size_t count,
                       bool with_arguments, bool with_environment, struct process_texts **out,
                       struct error *err)
{
        struct reading reading = {.source = archive_criu_source(archive),
                                  .with_arguments = with_arguments,
                                  .with_environment = with_environment,
                                  .reader = pages_read_direct,
                                  .context = archive};
        _cleanup_process_texts_ struct process_texts *texts = memory_grow(NULL, 1, sizeof(*texts));
        int ret;

        *texts = (struct process_texts){.items = memory_grow(NULL, count, sizeof(*texts->items)),
                                        .count = count};
        memset(texts->items, 0, count * sizeof(*texts->items));
        ret = read_all(&reading, places, texts, err);
        if (ret == -ENOTSUP) {
                if (err)
                        *err = (struct error){0};
                ret = read_forward(&reading, archive, places, texts, err);
        }
        if (ret == 0)
                *out = steal_ptr(texts);
        return ret;
}

void process_texts_free(struct process_texts *texts)
{
        for (size_t i = 0; i < texts->count; i++) {
                buffer_free(&texts->items[i].arguments);
                buffer_free(&texts->items[i].environment);
        }
        free(texts->items);
        free(texts);
}

bool process_text_next(struct slice *rest, struct slice *out)
{
        size_t start = 0, end;

        while (start < rest->size && rest->data[start] == '\0')
                start++;
        if (start == rest->size)
                return false;
        for (end = start; end < rest->size && rest->data[end] != '\0';)
                end++;
        *out = (struct slice){rest->data + start, end - start};
        *rest = (struct slice){rest->data + end, rest->size - end};
        return true;
}

char *process_text_command(const struct process_text *text)
{
        const struct buffer *arguments = &text->arguments;
        size_t size = arguments->size;
        char *command;

        while (size > 0 && arguments->data[size - 1] == '\0')
                size--;
        command = memory_grow(NULL, size + 1, 1);
        for (size_t i = 0; i < size; i++)
                command[i] = arguments->data[i] ? (char)arguments->data[i] : ' ';
        command[size] = '\0';
        return command;
}

static int compare_variables(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t process_environment(const struct process_text *text, char ***out)
{
        struct slice rest = buffer_slice(&text->environment), variable;
        size_t count = 0, capacity = 0;
        char **list = NULL;

        while (process_text_next(&rest, &variable)) {
                bool has_value = memchr(variable.data, '=', variable.size);

                if (count == capacity) {
                        capacity = capacity ? capacity * 2 : 64;
                        list = memory_grow(list, capacity, sizeof(*list));
                }
                list[count] = memory_grow(NULL, variable.size + 2, 1);
                snprintf(list[count++], variable.size + 2, "%.*s%s", (int)variable.size,
                         (const char *)variable.data, has_value ? "" : "=");
        }
        if (count)
                qsort(list, count, sizeof(*list), compare_variables);
        *out = list;
        return count;
}

void process_environment_free(char **variables, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(variables[i]);
        free(variables);
}
