/* SPDX-License-Identifier: Apache-2.0 */
/* A dump in memory, so that a test can take a real one and damage it file by file. */
#ifndef SNAP_TESTS_CRIU_MEMORY_DUMP_H
#define SNAP_TESTS_CRIU_MEMORY_DUMP_H

#include "testing.h"
#include "criu/directory.h"

#define MEMORY_DUMP_FILES 128

struct memory_file {
        char name[64];
        struct buffer bytes;
};

struct memory_dump {
        struct memory_file files[MEMORY_DUMP_FILES];
        size_t count;
};

static inline struct memory_file *memory_dump_find(struct memory_dump *dump, const char *name)
{
        for (size_t i = 0; i < dump->count; i++)
                if (strcmp(dump->files[i].name, name) == 0)
                        return &dump->files[i];
        return NULL;
}

/* One that must be there. */
static inline struct memory_file *memory_dump_get(struct memory_dump *dump, const char *name)
{
        struct memory_file *file = memory_dump_find(dump, name);

        if (!file) {
                print_error("the dump has no %s\n", name);
                abort();
        }
        return file;
}

/* Adds a file, or replaces one. */
static inline void memory_dump_put(struct memory_dump *dump, const char *name, const void *data, size_t size)
{
        struct memory_file *file = memory_dump_find(dump, name);

        if (!file) {
                if (dump->count == MEMORY_DUMP_FILES)
                        abort();
                file = &dump->files[dump->count++];
                snprintf(file->name, sizeof(file->name), "%s", name);
        }
        buffer_free(&file->bytes);
        assert_int_equal(buffer_append(&file->bytes, data, size), 0);
}

static inline void memory_dump_remove(struct memory_dump *dump, const char *name)
{
        struct memory_file *file = memory_dump_get(dump, name);

        buffer_free(&file->bytes);
        *file = dump->files[--dump->count];
        dump->files[dump->count] = (struct memory_file){0};
}

static inline void memory_dump_free(struct memory_dump *dump)
{
        for (size_t i = 0; i < dump->count; i++)
                buffer_free(&dump->files[i].bytes);
        free(dump);
}

static inline int memory_dump_size(void *context, const char *name, uint64_t *out, struct error *err)
{
        const struct memory_file *file = memory_dump_find(context, name);

        if (!file)
                return error_set(err, &ERROR_NOT_FOUND, -ENOENT, "no %s", name);
        *out = file->bytes.size;
        return 0;
}

static inline int memory_dump_read(void *context, const char *name, uint64_t limit, struct buffer *out,
                                   struct error *err)
{
        const struct memory_file *file = memory_dump_find(context, name);

        if (!file)
                return error_set(err, &ERROR_NOT_FOUND, -ENOENT, "no %s", name);
        if (file->bytes.size > limit)
                return error_set(err, &ERROR_BAD_INPUT, -EFBIG, "%s is large", name);
        return buffer_append(out, file->bytes.data, file->bytes.size);
}

static inline int memory_dump_list(void *context,
                                   int (*each)(void *argument, const char *name, uint64_t size),
                                   void *argument, struct error *err)
{
        const struct memory_dump *dump = context;

        for (size_t i = 0; i < dump->count; i++) {
                int r = each(argument, dump->files[i].name, dump->files[i].bytes.size);

                if (r != 0)
                        return r;
        }
        return 0;
}

static inline struct criu_source memory_dump_source(struct memory_dump *dump)
{
        return (struct criu_source){dump, memory_dump_size, memory_dump_read, memory_dump_list};
}

struct memory_dump_loading {
        struct criu_source source;
        struct memory_dump *dump;
};

static inline int memory_dump_load_one(void *argument, const char *name, uint64_t size)
{
        struct memory_dump_loading *loading = argument;
        struct buffer bytes = {0};

        assert_int_equal(loading->source.read(loading->source.context, name, size, &bytes, NULL), 0);
        memory_dump_put(loading->dump, name, bytes.data, bytes.size);
        buffer_free(&bytes);
        return 0;
}

static inline struct memory_dump *memory_dump_new(void)
{
        struct memory_dump *dump = calloc(1, sizeof(*dump));

        if (!dump)
                abort();
        return dump;
}

/* All of a directory. */
static inline struct memory_dump *memory_dump_load(const char *path)
{
        struct memory_dump_loading loading = {.dump = memory_dump_new()};
        _cleanup_criu_directory_ struct criu_directory *directory = NULL;
        struct error err = {0};

        assert_success(criu_directory_open(path, NULL, &directory, &err), &err);
        loading.source = criu_directory_source(directory);
        assert_success(loading.source.list(loading.source.context, memory_dump_load_one, &loading, &err),
                       &err);
        return loading.dump;
}

#endif
