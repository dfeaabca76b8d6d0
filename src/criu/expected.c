/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>
#include "criu/check.h"
#include "criu/files.h"

/* CRIU looks at the size of what it opens by name: not of deleted files, which it makes itself, and not of
 * those it is handed from outside. */
static bool file_is_expected(const struct criu_files *files, const Criu__File *file)
{
        const Criu__RegularFile *regular = file->regular;

        return file->type == CRIU_FILE_REGULAR && regular && regular->has_size && !regular->external &&
               (!regular->has_mode || S_ISREG(regular->mode)) && !criu_files_remap(files, file->id);
}

static int expected_collect(const struct criu_files *files, struct criu_expected_file *out, size_t *count,
                            struct error *err)
{
        for (size_t i = 0; i < files->count; i++) {
                const Criu__RegularFile *regular = files->files[i]->regular;

                if (!file_is_expected(files, files->files[i]))
                        continue;
                out[*count].path = strdup(regular->name);
                if (!out[*count].path)
                        return error_oom(err);
                out[*count].size = regular->size;
                out[*count].mount_id = (uint32_t)regular->mount_id;
                (*count)++;
        }
        return 0;
}

int criu_expected_files(const struct criu_source *source, struct criu_expected_file **out, size_t *count,
                        struct error *err)
{
        _cleanup_criu_arena_ struct criu_arena arena = CRIU_ARENA_INIT;
        struct criu_expected_file *expected;
        struct criu_files files;
        size_t n = 0;
        int r = criu_files_load(source, &arena, &files, err);

        if (r < 0)
                return criu_arena_failed(&arena, r, err);
        expected = calloc(files.count + 1, sizeof(*expected));
        if (!expected)
                return error_oom(err);
        r = expected_collect(&files, expected, &n, err);
        if (r < 0) {
                criu_expected_files_free(expected, n);
                return r;
        }
        *out = expected;
        *count = n;
        return 0;
}

void criu_expected_files_free(struct criu_expected_file *files, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(files[i].path);
        free(files);
}
