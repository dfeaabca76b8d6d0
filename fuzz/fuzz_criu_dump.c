/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole dump. The input is its files, one after another: a byte for the length of the name, the name, a
 * 32-bit little-endian size, the contents; of memory pages only the size.
 */
#include <errno.h>
#include "criu/check.h"
#include "criu/dump.h"
#include "fuzz.h"

#define FILES 256

struct input_file {
        char name[256];
        uint64_t size;
        struct slice bytes;
};

struct input {
        struct input_file files[FILES];
        size_t count;
};

static void input_parse(struct slice rest, struct input *out)
{
        struct slice head, name;

        while (out->count < FILES && slice_take(&rest, 1, &head)) {
                struct input_file *file = &out->files[out->count];

                if (!slice_take(&rest, head.data[0], &name) || !slice_take(&rest, 4, &head))
                        return;
                memcpy(file->name, name.data, name.size);
                file->size = load_le32(head.data);
                if (!text_starts_with(file->name, "pages-") && !slice_take(&rest, file->size, &file->bytes))
                        return;
                out->count++;
        }
}

static const struct input_file *input_find(const struct input *input, const char *name)
{
        for (size_t i = 0; i < input->count; i++)
                if (strcmp(input->files[i].name, name) == 0)
                        return &input->files[i];
        return NULL;
}

static int input_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        const struct input_file *file = input_find(context, name);

        if (!file)
                return -ENOENT;
        *out = file->size;
        return 0;
}

static int input_read(void *context, const char *name, uint64_t limit, struct buffer *out, struct error *err)
{
        const struct input_file *file = input_find(context, name);

        if (!file)
                return -ENOENT;
        if (file->bytes.size > limit)
                return -EFBIG;
        return buffer_append(out, file->bytes.data, file->bytes.size);
}

static int input_list(void *context, int (*each)(void *argument, const char *name, uint64_t size),
                      void *argument, struct error *err)
{
        const struct input *input = context;
        int r = 0;

        for (size_t i = 0; r == 0 && i < input->count; i++)
                r = each(argument, input->files[i].name, input->files[i].size);
        return r;
}

static int input_read_pages(void *context, const char *name, uint64_t offset, void *data, size_t size,
                            struct error *err)
{
        memset(data, 0, size);
        return 0;
}

static void ignore_fault(void *context, const char *object, const char *reason)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input *input = calloc(1, sizeof(*input));
        struct criu_source source = {input, input_size, input_read, input_list};
        struct criu_expected_file *expected;
        struct criu_dump *dump;
        uint8_t memory[64];
        size_t count;

        if (!input)
                return 0;
        input_parse((struct slice){data, size}, input);
        criu_check(&source, ignore_fault, NULL, NULL);
        if (criu_dump_load(&source, CRIU_LOAD_ALL, &dump, NULL) == 0) {
                for (size_t i = 0; i < dump->process_count; i++)
                        criu_memory_read(&source, input_read_pages, NULL, dump->processes[i].pid,
                                         dump->processes[i].argument_start, memory, sizeof(memory), NULL);
                criu_dump_free(dump);
        }
        if (criu_expected_files(&source, &expected, &count, NULL) == 0)
                criu_expected_files_free(expected, count);
        free(input);
        return 0;
}
