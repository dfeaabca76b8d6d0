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

/* CRIU's default where an image does not name the mount (regfile.proto). */
#define MOUNT_UNKNOWN UINT32_MAX

/* One file that CRIU will insist on, and what rootfs-diff.tar has under that name. */
struct wanted {
        const char *path; /* without a leading '/' */
        uint64_t expected, found;
        bool is_found;
        char *link; /* it is a hard link to this; the size is that of the target */
};

struct files {
        struct verify *verify;
        struct wanted *wanted; /* sorted by path */
        size_t count;
        bool has_links;
};

static int compare_wanted(const void *a, const void *b)
{
        return strcmp(((const struct wanted *)a)->path, ((const struct wanted *)b)->path);
}

static const char *without_slashes(const char *path)
{
        return path + strspn(path, "/");
}

/* The first of the entries with that path: several descriptors may refer to one file. */
static struct wanted *find_wanted(const struct files *files, const char *path)
{
        struct wanted key = {.path = path}, *found = NULL;

        if (files->count)
                found = bsearch(&key, files->wanted, files->count, sizeof(key), compare_wanted);
        while (found && found > files->wanted && strcmp(found[-1].path, path) == 0)
                found--;
        return found;
}

static int note_entry(struct files *files, const struct tar_entry *entry, const char *path)
{
        struct wanted *end = files->wanted + files->count;

        for (struct wanted *each = find_wanted(files, path);
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
                files->has_links = true;
        }
        return 0;
}

/* Gives the hard links the size of their targets, which stand in the tar under another name. */
static void note_target(struct files *files, const struct tar_entry *entry, const char *path)
{
        for (size_t i = 0; entry->type == TAR_FILE && i < files->count; i++) {
                struct wanted *each = &files->wanted[i];

                if (each->link && strcmp(each->link, path) == 0) {
                        each->is_found = true;
                        each->found = entry->size;
                }
        }
}

/* Walks a tar within the archive from header to header. `targets`: the second time, for hard links. */
static int walk_inner(struct files *files, const struct archive_member *member, bool targets,
                      struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = member->name};
        bool rootfs = strcmp(member->name, ROOTFS) == 0;
        int ret = stream_open_member(files->verify->archive, member, true, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        while ((ret = tar_walk_next(&walk, err)) > 0) {
                size_t size;
                const char *name = archive_name_normal(walk.entry.name, &size);
                _cleanup_free_ char *path = strndup(name, size);

                if (!path)
                        return error_oom(err);
                if (size && !file_name_is_safe(path))
                        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                         "it has an entry `%s`, which leads out of the container",
                                         walk.entry.name);
                if (targets)
                        note_target(files, &walk.entry, path);
                else if (rootfs && note_entry(files, &walk.entry, path) < 0)
                        return error_oom(err);
                if (progress_cancelled(files->verify->progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "verification was cancelled");
        }
        return ret;
}

static int walk_all(struct files *files, struct error *err)
{
        const struct archive *archive = files->verify->archive;

        for (size_t i = 0; i < archive->count; i++) {
                const struct archive_member *member = &archive->members[i];
                int ret;

                if (member->type != TAR_FILE || !text_ends_with(member->name, ".tar"))
                        continue;
                ret = walk_inner(files, member, false, err);
                if (ret == 0 && files->has_links && strcmp(member->name, ROOTFS) == 0)
                        ret = walk_inner(files, member, true, err);
                ret = verify_fault_from(files->verify, member->name, ret, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
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

static int report_file(const struct files *files, const struct wanted *wanted, bool whole)
{
        if (wanted->is_found && wanted->found != wanted->expected)
                return verify_fault(files->verify, &ERROR_ARCHIVE_FILE_SIZE, ROOTFS,
                                    "the open file `/%s` has %" PRIu64
                                    " bytes in it, but CRIU recorded %" PRIu64 " and will refuse to restore",
                                    wanted->path, wanted->found, wanted->expected);
        if (!wanted->is_found && whole)
                return verify_fault(files->verify, &ERROR_ARCHIVE_INCONSISTENT, ROOTFS,
                                    "the open file `/%s` is not in it", wanted->path);
        return 0;
}

/* A file that is not there is the image's own, and cannot be checked, unless all of the root should be there.
 */
static int report_files(const struct files *files, struct error *err)
{
        bool whole;
        int ret = has_whole_root(files->verify->archive, &whole, err);

        if (ret < 0)
                return verify_fault_from(files->verify, ARCHIVE_FACTS_NAME, ret, err);
        for (size_t i = 0; i < files->count; i++)
                if ((!i || strcmp(files->wanted[i].path, files->wanted[i - 1].path) != 0) &&
                    report_file(files, &files->wanted[i], whole) < 0)
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
static int collect_wanted(struct files *files, const struct criu_expected_file *expected, size_t count,
                          const struct criu_source *source)
{
        uint32_t root = 0;
        bool known = root_mount(source, &root) == 0;

        files->wanted = calloc(count + 1, sizeof(*files->wanted));
        if (!files->wanted)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                if (known && expected[i].mount_id != root && expected[i].mount_id != MOUNT_UNKNOWN)
                        continue;
                files->wanted[files->count++] = (struct wanted){.path = without_slashes(expected[i].path),
                                                                .expected = expected[i].size};
        }
        qsort(files->wanted, files->count, sizeof(*files->wanted), compare_wanted);
        return 0;
}

int verify_files(struct verify *verify, struct error *err)
{
        const struct criu_source source = archive_criu_source(verify->archive);
        struct files files = {.verify = verify};
        struct criu_expected_file *expected = NULL;
        size_t count = 0;
        int ret = criu_expected_files(&source, &expected, &count, err);

        ret = verify_fault_from(verify, "checkpoint/files.img", ret, err);
        if (ret == 0 && collect_wanted(&files, expected, count, &source) < 0)
                ret = error_oom(err);
        if (ret == 0)
                ret = walk_all(&files, err);
        if (ret == 0)
                ret = report_files(&files, err);
        for (size_t i = 0; i < files.count; i++)
                free(files.wanted[i].link);
        free(files.wanted);
        criu_expected_files_free(expected, count);
        return ret;
}
