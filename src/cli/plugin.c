/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/process.h"
#include "cli/help.h"
#include "program/memory.h"

#define PREFIX                 PROGRAM_NAME "-"
#define DESCRIPTION_OPTION     "--plugin-description"
#define DESCRIPTION_STATUS     42
#define DESCRIPTION_TIMEOUT_MS 500
#define DESCRIPTION_LIMIT      4096

static bool name_is_valid(const char *name)
{
        return *name && *name != '-' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

/* The next directory of `path`; false at the end. Relative ones, the empty one among them, are passed over:
 * they would mean wherever root happens to be. */
static bool next_directory(const char **path, char **out)
{
        while (*path) {
                size_t size = strcspn(*path, ":");
                const char *start = *path;

                *path = start[size] ? start + size + 1 : NULL;
                if (*start != '/')
                        continue;
                *out = memory_printf("%.*s", (int)size, start);
                return true;
        }
        return false;
}

static const char *search_path(void)
{
        const char *path = getenv("PATH");

        return path && *path ? path : NULL;
}

static char *refuse_status(const char *path, const struct stat *status)
{
        if (status->st_mode & S_IWOTH)
                return memory_printf("`%s` can be written to by everybody", path);
        if (status->st_uid != 0 && status->st_uid != geteuid())
                return memory_printf("`%s` belongs to the user %u, neither to root nor to you", path,
                                     (unsigned)status->st_uid);
        return NULL;
}

char *plugin_refusal(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = memory_printf("%.*s", slash == path ? 1 : (int)(slash - path), path);
        struct stat status;
        char *refusal;

        if (stat(directory, &status) < 0)
                return memory_printf("`%s`: %s", directory, strerror(errno));
        refusal = refuse_status(directory, &status);
        if (refusal)
                return refusal;
        if (stat(path, &status) < 0)
                return memory_printf("`%s`: %s", path, strerror(errno));
        return refuse_status(path, &status);
}

/* A regular file that somebody may execute; whether it is trusted is another matter. */
static bool is_program(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

int plugin_run(const char *name, char **argv, struct error *err)
{
        const char *path = search_path();
        char *directory;

        while (name_is_valid(name) && next_directory(&path, &directory)) {
                _cleanup_free_ char *program = memory_printf("%s/" PREFIX "%s", directory, name);
                _cleanup_free_ char *refusal = NULL;

                free(directory);
                if (!is_program(program))
                        continue;
                refusal = plugin_refusal(program);
                if (refusal) {
                        int ret = error_set(err, &ERROR_ACCESS, -EACCES, "the plug-in `%s` is not run: %s",
                                            program, refusal);

                        error_set_hint(err, "Make it and its directory root's, with `chmod o-w`.");
                        return ret;
                }
                argv[0] = program;
                execv(program, argv);
                return error_errno(err, errno, "start the plug-in `%s`", program);
        }
        return -ENOENT;
}

static char *describe(const char *path)
{
        const char *const argv[] = {path, DESCRIPTION_OPTION, NULL};
        const struct process_options options = {
                .argv = argv, .timeout_ms = DESCRIPTION_TIMEOUT_MS, .output_limit = DESCRIPTION_LIMIT};
        _cleanup_process_result_ struct process_result result = {0};
        const char *text;
        size_t size;

        if (process_run(&options, &result, NULL) < 0 || result.timed_out ||
            result.exit_status != DESCRIPTION_STATUS)
                return memory_copy("");
        text = buffer_text(&result.output);
        text += strspn(text, " \t\r\n");
        size = strcspn(text, "\n");
        while (size && isspace((unsigned char)text[size - 1]))
                size--;
        return memory_printf("%.*s", (int)size, text);
}

static bool is_listed(const struct plugin_list *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i].name, name) == 0)
                        return true;
        return false;
}

static void list_add(struct plugin_list *list, const char *directory, const char *name)
{
        _cleanup_free_ char *path = memory_printf("%s/" PREFIX "%s", directory, name);
        struct plugin *plugin;

        if (is_listed(list, name) || !is_program(path))
                return;
        list->items = memory_grow(list->items, list->count + 1, sizeof(*list->items));
        plugin = &list->items[list->count++];
        *plugin = (struct plugin){.name = memory_copy(name)};
        if (verb_find(name))
                plugin->refusal = memory_printf("`%s` is a verb of %s itself", name, PROGRAM_NAME);
        else
                plugin->refusal = plugin_refusal(path);
        plugin->description = plugin->refusal ? memory_copy("") : describe(path);
        plugin->path = steal_ptr(path);
}

static int is_candidate(const struct dirent *entry)
{
        return text_starts_with(entry->d_name, PREFIX) && name_is_valid(entry->d_name + strlen(PREFIX));
}

void plugin_list_load(struct plugin_list *out)
{
        const char *path = search_path();
        char *directory;

        *out = (struct plugin_list){0};
        while (next_directory(&path, &directory)) {
                struct dirent **entries = NULL;
                int count = scandir(directory, &entries, is_candidate, alphasort);

                for (int i = 0; i < count; i++) {
                        list_add(out, directory, entries[i]->d_name + strlen(PREFIX));
                        free(entries[i]);
                }
                free(entries);
                free(directory);
        }
}

void plugin_list_free(struct plugin_list *list)
{
        for (size_t i = 0; i < list->count; i++) {
                free(list->items[i].name);
                free(list->items[i].path);
                free(list->items[i].refusal);
                free(list->items[i].description);
        }
        free(list->items);
}
