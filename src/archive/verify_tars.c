/* SPDX-License-Identifier: Apache-2.0 */
/* The tars within an archive, and whether the files in rootfs-diff.tar are those that CRIU saw open. */
#include <errno.h>
#include <inttypes.h>
#include "archive/internal.h"
#include "archive/verify_internal.h"
#include "archive/walk.h"
#include "base/file.h"
#include "base/json.h"
#include "criu/check.h"
#include "criu/dump.h"

#define ROOTFS "rootfs-diff.tar"

/* Larger ones, of some twenty thousand open files, are looked at when the archive has been expanded. */
#define GUESS_MAX (1 * MIB)

/* CRIU's default where an image does not name the mount (regfile.proto). */
#define MOUNT_UNKNOWN UINT32_MAX

/* One file that CRIU will insist on, and what rootfs-diff.tar has under that name. */
struct wanted {
        const char *path; /* without a leading '/' */
        uint64_t expected, found;
        bool is_found;
        char *link; /* it is a hard link to this; the size is that of the target */
};

struct wanted_list {
        struct wanted *items; /* sorted by path; the paths are borrowed from `expected` */
        size_t count;
        struct criu_expected_file *expected;
        size_t expected_count;
};

struct verify_tars {
        struct verify verify;
        /* As known when rootfs-diff.tar came by. CRIU's files stand before it in the archives of all engines,
         * but need not. */
        struct wanted_list wanted;
        bool has_links;
        const char *name;  /* of the tar that is looked at, or was last */
        bool names_escape; /* which was said of it */
};

static void wanted_free(struct wanted_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i].link);
        free(list->items);
        criu_expected_files_free(list->expected, list->expected_count);
        *list = (struct wanted_list){0};
}
#define _cleanup_wanted_ _cleanup_(wanted_free)

static int compare_wanted(const void *a, const void *b)
{
        return strcmp(((const struct wanted *)a)->path, ((const struct wanted *)b)->path);
}

static const char *without_slashes(const char *path)
{
        return path + strspn(path, "/");
}

/* The first of the entries with that path: several descriptors may refer to one file. */
static struct wanted *find_wanted(const struct wanted_list *list, const char *path)
{
        struct wanted key = {.path = path}, *found = NULL;

        if (list->count)
                found = bsearch(&key, list->items, list->count, sizeof(key), compare_wanted);
        while (found && found > list->items && strcmp(found[-1].path, path) == 0)
                found--;
        return found;
}

static int note_entry(struct verify_tars *tars, const struct tar_entry *entry, const char *path)
{
        struct wanted *end = tars->wanted.items + tars->wanted.count;

        for (struct wanted *each = find_wanted(&tars->wanted, path);
             each && each < end && strcmp(each->path, path) == 0; each++) {
                free(each->link);
                each->link = NULL;
                each->is_found = entry->type == TAR_FILE;
                each->found = entry->size;
                if (entry->type != TAR_HARD_LINK)
                        continue;
                each->link = strdup(without_slashes(entry->link));
                if (!each->link)
                        return -ENOMEM;
                tars->has_links = true;
        }
        return 0;
}

/* Gives the hard links the size of their targets, which stand in the tar under another name. */
static void note_target(struct verify_tars *tars, const struct tar_entry *entry, const char *path)
{
        for (size_t i = 0; entry->type == TAR_FILE && i < tars->wanted.count; i++) {
                struct wanted *each = &tars->wanted.items[i];

                if (each->link && strcmp(each->link, path) == 0) {
                        each->is_found = true;
                        each->found = entry->size;
                }
        }
}

/* Does rootfs-diff.tar hold the whole root, and not only what differs from an image? */
static int has_whole_root(const struct archive *archive, bool *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *facts = NULL;
        yyjson_val *rootfs;
        int ret;

        *out = false;
        if (!archive_find(archive, ARCHIVE_FACTS_NAME))
                return 0;
        ret = archive_read_json(archive, ARCHIVE_FACTS_NAME, &facts, err);
        if (ret < 0)
                return ret;
        rootfs = yyjson_obj_get(yyjson_doc_get_root(facts), "rootfs");
        *out = strcmp(json_text_or(rootfs, "form", ""), "full") == 0;
        return 0;
}

static int report_file(struct verify *verify, const struct wanted *wanted, bool whole)
{
        if (wanted->is_found && wanted->found != wanted->expected)
                return verify_fault(verify, &ERROR_ARCHIVE_FILE_SIZE, ROOTFS,
                                    "the open file `/%s` has %" PRIu64
                                    " bytes in it, but CRIU recorded %" PRIu64 " and will refuse to restore",
                                    wanted->path, wanted->found, wanted->expected);
        if (!wanted->is_found && whole)
                return verify_fault(verify, &ERROR_ARCHIVE_INCONSISTENT, ROOTFS,
                                    "the open file `/%s` is not in it", wanted->path);
        return 0;
}

/* A file that is not there is the image's own, and cannot be checked, unless all of the root should be there.
 */
static int report_files(struct verify_tars *tars, struct error *err)
{
        const struct wanted *items = tars->wanted.items;
        bool whole;
        int ret = has_whole_root(tars->verify.archive, &whole, err);

        if (ret < 0)
                return verify_fault_from(&tars->verify, ARCHIVE_FACTS_NAME, ret, err);
        for (size_t i = 0; i < tars->wanted.count; i++)
                if ((!i || strcmp(items[i].path, items[i - 1].path) != 0) &&
                    report_file(&tars->verify, &items[i], whole) < 0)
                        return error_oom(err);
        return 0;
}

/* The mount that is the container's root; -ENOENT when the dump does not say. */
static int root_mount(const struct criu_source *source, uint32_t *out)
{
        _cleanup_criu_dump_ struct criu_dump *dump = NULL;

        if (criu_dump_load(source, CRIU_LOAD_MOUNTS, &dump, NULL) < 0)
                return -ENOENT;
        for (size_t i = 0; i < dump->mount_count; i++)
                if (strcmp(dump->mounts[i].destination, "/") == 0) {
                        *out = dump->mounts[i].id;
                        return 0;
                }
        return -ENOENT;
}

/* Files on other mounts (volumes, /dev) are not in rootfs-diff.tar; what has their name there lies hidden. */
static int collect_wanted(struct wanted_list *list, const struct criu_source *source)
{
        uint32_t root = 0;
        bool known = root_mount(source, &root) == 0;

        list->items = calloc(list->expected_count + 1, sizeof(*list->items));
        if (!list->items)
                return -ENOMEM;
        for (size_t i = 0; i < list->expected_count; i++) {
                const struct criu_expected_file *file = &list->expected[i];

                if (known && file->mount_id != root && file->mount_id != MOUNT_UNKNOWN)
                        continue;
                list->items[list->count++] =
                        (struct wanted){.path = without_slashes(file->path), .expected = file->size};
        }
        qsort(list->items, list->count, sizeof(*list->items), compare_wanted);
        return 0;
}

static int load_wanted(struct archive *archive, struct wanted_list *out, struct error *err)
{
        const struct criu_source source = archive_criu_source(archive);
        int ret;

        wanted_free(out);
        ret = criu_expected_files(&source, &out->expected, &out->expected_count, err);
        if (ret < 0)
                return ret;
        return collect_wanted(out, &source) < 0 ? error_oom(err) : 0;
}

/* What is known so far. Whether it is right is seen at the end. While an archive is expanded there is not as
 * much memory left as later. */
static void guess_wanted(struct verify_tars *tars)
{
        struct archive *archive = tars->verify.archive;
        const struct archive_member *files;

        if (archive_is_unread(archive) && archive_sort_names(archive, NULL) < 0)
                return;
        files = archive_find_image(archive, "files.img");
        if (!archive_is_unread(archive) || (files && files->size <= GUESS_MAX))
                (void)load_wanted(archive, &tars->wanted, NULL);
}

static bool same_wanted(const struct wanted_list *a, const struct wanted_list *b)
{
        for (size_t i = 0; a->count == b->count && i < a->count; i++)
                if (strcmp(a->items[i].path, b->items[i].path) != 0 ||
                    a->items[i].expected != b->items[i].expected)
                        return false;
        return a->count == b->count;
}

int verify_tars_entry(struct verify_tars *tars, const struct archive_member *member,
                      const struct tar_entry *entry, struct error *err)
{
        size_t size;
        const char *name = archive_name_normal(entry->name, &size);
        _cleanup_free_ char *path = strndup(name, size);
        bool rootfs = strcmp(member->name, ROOTFS) == 0;

        if (!path)
                return error_oom(err);
        if (tars->name != member->name) {
                tars->name = member->name;
                tars->names_escape = false;
                if (rootfs)
                        guess_wanted(tars);
        }
        if (size && !file_name_is_safe(path) && !tars->names_escape) {
                tars->names_escape = true;
                return verify_fault(&tars->verify, &ERROR_ARCHIVE_NAME, member->name,
                                    "it has an entry `%s`, which leads out of the container", entry->name) < 0
                               ? error_oom(err)
                               : 0;
        }
        return rootfs && note_entry(tars, entry, path) < 0 ? error_oom(err) : 0;
}

/* Reads rootfs-diff.tar again. `targets`: for what hard links lead to, which stands before them. */
static int walk_again(struct verify_tars *tars, bool targets, struct error *err)
{
        const struct archive_member *member = archive_find(tars->verify.archive, ROOTFS);
        _cleanup_tar_walk_ struct tar_walk walk = {.what = ROOTFS};
        _cleanup_stream_ struct stream *stream = NULL;
        int ret;

        if (!member)
                return 0;
        ret = stream_open_member(tars->verify.archive, member, true, &stream, err);
        if (ret < 0)
                return ret;
        walk.stream = stream;
        while ((ret = tar_walk_next(&walk, err)) > 0) {
                size_t size;
                const char *name = archive_name_normal(walk.entry.name, &size);
                _cleanup_free_ char *path = strndup(name, size);

                if (!path)
                        return error_oom(err);
                if (targets)
                        note_target(tars, &walk.entry, path);
                else if (note_entry(tars, &walk.entry, path) < 0)
                        return error_oom(err);
                if (progress_cancelled(tars->verify.progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "verification was cancelled");
        }
        return ret;
}

static int finish(struct verify_tars *tars, struct error *err)
{
        _cleanup_wanted_ struct wanted_list known = {0};
        int ret = load_wanted(tars->verify.archive, &known, err);

        ret = verify_fault_from(&tars->verify, "checkpoint/files.img", ret, err);
        if (ret == 0 && !same_wanted(&tars->wanted, &known)) {
                struct wanted_list guessed = tars->wanted;

                tars->wanted = known;
                known = guessed;
                tars->has_links = false;
                ret = verify_fault_from(&tars->verify, ROOTFS, walk_again(tars, false, err), err);
        }
        if (ret == 0 && tars->has_links)
                ret = verify_fault_from(&tars->verify, ROOTFS, walk_again(tars, true, err), err);
        return ret < 0 ? ret : report_files(tars, err);
}

int verify_tars_finish(struct verify_tars *tars, struct error *err)
{
        struct error reason = {0};
        int ret = finish(tars, &reason);

        if (ret < 0 && err)
                *err = reason;
        return ret;
}

int verify_tars_new(struct archive *archive, const struct progress *progress, struct verify_report *report,
                    struct verify_tars **out, struct error *err)
{
        struct verify_tars *tars = calloc(1, sizeof(*tars));

        if (!tars)
                return error_oom(err);
        tars->verify = (struct verify){.archive = archive, .progress = progress, .report = report};
        *out = tars;
        return 0;
}

void verify_tars_free(struct verify_tars *tars)
{
        if (!tars)
                return;
        wanted_free(&tars->wanted);
        free(tars);
}
