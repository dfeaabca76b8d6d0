/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in the archives' directory against what the catalog says. Looks only, changes nothing. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "node/node_private.h"

/* An engine that has just written an archive gives it a name or tells us of it within that. */
#define SETTLE_NS       5000000000ll
#define RECORDS_AT_ONCE 200

static int list_add(char ***items, size_t *count, const char *text, struct error *err)
{
        char **grown = reallocarray(*items, *count + 1, sizeof(char *));

        if (!grown)
                return error_oom(err);
        *items = grown;
        grown[*count] = strdup(text);
        if (!grown[*count])
                return error_oom(err);
        (*count)++;
        return 0;
}

static void list_free(char **items, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(items[i]);
        free(items);
}

void adopt_plan_free(struct adopt_plan *plan)
{
        list_free(plan->unknown, plan->unknown_count);
        list_free(plan->leftovers, plan->leftover_count);
        list_free(plan->lost, plan->lost_count);
}

static bool is_unique_id(const char *text)
{
        for (int i = 0; i < UNIQUE_ID_SIZE - 1; i++)
                if (!isdigit((unsigned char)text[i]) && !isupper((unsigned char)text[i]))
                        return false;
        return true;
}

/* ".NAME.ID.tmp" of file_writer, ".NAME.work.ID" of the capture, ".snap-…" of jobs. */
static bool is_temporary(const char *name)
{
        size_t length = strlen(name), id = UNIQUE_ID_SIZE - 1;

        if (text_starts_with(name, TEMPORARY_PREFIX))
                return true;
        if (name[0] != '.' || length < id + sizeof(".work."))
                return false;
        if (text_ends_with(name, ".tmp"))
                return is_unique_id(name + length - strlen(".tmp") - id);
        return is_unique_id(name + length - id) &&
               strncmp(name + length - id - strlen(".work."), ".work.", strlen(".work.")) == 0;
}

static bool is_archive(const char *name)
{
        static const char *const suffixes[] = {".tar", ".tar.gz", ".tar.zst", ".tar.lz4"};

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (name[0] != '.' && text_ends_with(name, suffixes[i]))
                        return true;
        return false;
}

/* Has a process whose descriptors we can see this open? */
static bool process_has(const char *pid, const struct stat *file)
{
        char path[64];
        _cleanup_closedir_ DIR *dir = NULL;

        snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
        dir = opendir(path);
        for (struct dirent *item; dir && (item = readdir(dir));) {
                struct stat st;

                if (fstatat(dirfd(dir), item->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
                    st.st_ino == file->st_ino)
                        return true;
        }
        return false;
}

static bool is_held(const struct stat *file)
{
        _cleanup_closedir_ DIR *dir = opendir("/proc");

        for (struct dirent *item; dir && (item = readdir(dir));)
                if (isdigit((unsigned char)item->d_name[0]) && process_has(item->d_name, file))
                        return true;
        return false;
}

/* A lease for reading is refused while anybody has the file open for writing, whatever PID namespace that is
 * in. Where there are no leases, the time must do. */
static bool is_being_written(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
                return false;
        return errno == EAGAIN;
}

static bool is_recent(const struct stat *st)
{
        int64_t changed = st->st_ctim.tv_sec * 1000000000ll + st->st_ctim.tv_nsec;
        int64_t age = clock_realtime_ns() - changed;

        /* A change in the future was before the clock was set back. */
        return age >= 0 && age < SETTLE_NS;
}

/* ".snap-ID…", or what its journal says. */
static bool is_temporary_of(const struct operation *operation, const char *name, const char *path)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        const char *temporary;

        if (text_starts_with(name, TEMPORARY_PREFIX) &&
            text_starts_with(name + strlen(TEMPORARY_PREFIX), operation->id))
                return true;
        if (!*operation->journal || json_parse(SLICE_TEXT(operation->journal), "the journal", &doc, NULL) < 0)
                return false;
        temporary = json_text(yyjson_doc_get_root(doc), "temporary");
        return temporary && strcmp(temporary, path) == 0;
}

/* Whether an operation that has not ended will need it. Asked after the file was seen: the operation is in
 * the journal before the file is made. */
static int is_needed(struct node *node, const char *name, const char *path, bool *out, struct error *err)
{
        _cleanup_operation_list_ struct operation_list list = {0};
        int r = catalog_list_operations(node->catalog, true, 0, &list, err);

        *out = false;
        for (size_t i = 0; r == 0 && !*out && i < list.count; i++)
                *out = is_temporary_of(list.items[i], name, path);
        return r;
}

static int look_at_temporary(struct node *node, const char *name, const char *path, const struct stat *st,
                             struct adopt_plan *plan, struct error *err)
{
        bool needed;
        int r;

        if (is_held(st))
                return 0;
        r = is_needed(node, name, path, &needed, err);
        return r < 0 || needed ? r : list_add(&plan->leftovers, &plan->leftover_count, path, err);
}

static int look_at(struct node *node, const char *name, const char *path, struct adopt_plan *plan,
                   struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *known = NULL;
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return 0;
        if (is_temporary(name))
                return look_at_temporary(node, name, path, &st, plan, err);
        if (!is_archive(name) || !S_ISREG(st.st_mode))
                return 0;
        r = catalog_find_path(node->catalog, path, &known, err);
        if (r != -ENOENT)
                return r;
        if (is_recent(&st) || is_being_written(path)) {
                plan->again = true;
                return 0;
        }
        return list_add(&plan->unknown, &plan->unknown_count, path, err);
}

static int look_at_directory(struct node *node, struct adopt_plan *plan, struct error *err)
{
        const char *directory = node->options.directory;
        _cleanup_closedir_ DIR *dir = opendir(directory);
        int r = dir ? 0 : error_errno(err, errno, "list `%s`", directory);

        for (struct dirent *item; r == 0 && (item = readdir(dir));) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s", directory, item->d_name) < 0) {
                        path = NULL;
                        return error_oom(err);
                }
                r = look_at(node, item->d_name, path, plan, err);
        }
        return r;
}

/* A few at a time: there may be many. */
static int look_at_records(struct node *node, struct adopt_plan *plan, struct error *err)
{
        char after[UNIQUE_ID_SIZE] = "";
        bool more = true;
        int r = 0;

        while (r == 0 && more) {
                const struct checkpoint_filter next = {.after = after, .limit = RECORDS_AT_ONCE};
                _cleanup_checkpoint_list_ struct checkpoint_list list = {0};

                r = catalog_list_checkpoints(node->catalog, &next, &list, err);
                more = list.count == RECORDS_AT_ONCE;
                for (size_t i = 0; r == 0 && i < list.count; i++) {
                        struct stat st;

                        if (lstat(list.items[i]->path, &st) < 0 && errno == ENOENT)
                                r = list_add(&plan->lost, &plan->lost_count, list.items[i]->id, err);
                }
                if (list.count)
                        snprintf(after, sizeof(after), "%s", list.items[list.count - 1]->id);
        }
        return r;
}

int adopt_scan(struct node *node, struct adopt_plan *out, struct error *err)
{
        int r = place_check(node, err);

        *out = (struct adopt_plan){0};
        if (r == 0)
                r = look_at_directory(node, out, err);
        return r < 0 ? r : look_at_records(node, out, err);
}
