/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include "base/clock.h"
#include "base/json.h"
#include "runtime/entries.h"
#include "runtime/lowers.h"
#include "runtime/proc.h"

#define DEPTH_LIMIT       250 /* up to three descriptors are open for each level */
#define PROGRESS_EVERY_US 100000

/* What engines put into every container; none of the container's doing, and made again by the next engine. */
static const char *const engine_made[] = {"dev",  "etc/hostname", "etc/hosts",   "etc/resolv.conf",
                                          "proc", "sys",          "run/secrets", "run/.containerenv",
                                          NULL};

struct walk {
        struct entries *entries;
        struct lowers *lowers;
        const struct progress *progress;
        struct error *err;
        bool full;
        dev_t device;  /* of the root */
        char **mounts; /* relative paths, sorted */
        size_t mount_count;
        yyjson_mut_doc *deleted; /* JSON array */
        uint64_t told_us;
        char path[TAR_NAME_SIZE]; /* of the entry at hand, relative */
};

/* A directory being compared. */
struct level {
        int upper; /* -1 where everything in the merged directory counts: full trees, renamed directories */
        int merged;
        bool opaque; /* what the image has at this path does not show through */
        unsigned depth;
};

static int walk_directory(struct walk *walk, const struct level *level);

const char *rootfs_form_name(enum rootfs_form form)
{
        return form == ROOTFS_FULL ? "full" : "diff";
}

static int text_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_mount(const struct walk *walk, const char *path)
{
        return walk->mount_count &&
               bsearch(&path, walk->mounts, walk->mount_count, sizeof(*walk->mounts), text_compare);
}

static bool is_engine_made(const char *path)
{
        for (const char *const *p = engine_made; *p; p++)
                if (strcmp(*p, path) == 0)
                        return true;
        return false;
}

static int mounts_read(struct walk *walk, pid_t pid)
{
        _cleanup_proc_mounts_ struct proc_mounts mounts = {0};
        int r = proc_mounts_read(pid, &mounts, walk->err);

        if (r < 0)
                return r;
        walk->mounts = calloc(mounts.count + 1, sizeof(*walk->mounts));
        if (!walk->mounts)
                return error_oom(walk->err);
        for (size_t i = 0; i < mounts.count; i++) {
                if (strcmp(mounts.items[i].point, "/") == 0)
                        continue;
                walk->mounts[walk->mount_count] = strdup(mounts.items[i].point + 1);
                if (!walk->mounts[walk->mount_count])
                        return error_oom(walk->err);
                walk->mount_count++;
        }
        qsort(walk->mounts, walk->mount_count, sizeof(*walk->mounts), text_compare);
        return 0;
}

static int check(struct walk *walk)
{
        uint64_t now = clock_monotonic_us();

        if (now - walk->told_us < PROGRESS_EVERY_US)
                return 0;
        walk->told_us = now;
        progress_step(walk->progress, "filesystem", entries_size(walk->entries), 0);
        if (progress_cancelled(walk->progress))
                return error_set(walk->err, &ERROR_CANCELLED, -ECANCELED,
                                 "cancelled while the file system was being read");
        return 0;
}

/* Replaces what is after the first `length` bytes of the path by "/name". */
static int path_push(struct walk *walk, size_t length, const char *name)
{
        int n = snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s", length ? "/" : "", name);

        /* One byte is kept for a directory's slash. */
        if (n < 0 || (size_t)n + 1 >= sizeof(walk->path) - length)
                return error_errno(walk->err, ENAMETOOLONG, "a path in the container, `%.200s…`", walk->path);
        return 0;
}

static int add_deleted(struct walk *walk)
{
        yyjson_mut_val *list = yyjson_mut_doc_get_root(walk->deleted);
        char absolute[TAR_NAME_SIZE + 1];
        struct stat status;

        /* A white-out over nothing is left behind when a file of the container's own was removed. */
        if (lowers_stat(walk->lowers, walk->path, &status) < 0)
                return 0;
        snprintf(absolute, sizeof(absolute), "/%s", walk->path);
        if (!yyjson_mut_arr_add_strcpy(walk->deleted, list, absolute))
                return error_oom(walk->err);
        return S_ISLNK(status.st_mode) ? entries_add_empty(walk->entries, walk->path, walk->err) : 0;
}

/* Opened for the entries below; the merged one belongs to the same path as the upper one. */
static int add_directory(struct walk *walk, const struct level *above, const char *name)
{
        _cleanup_close_ int upper = -1, merged = -1;
        struct level level = {.upper = -1, .opaque = above->opaque, .depth = above->depth + 1};

        if (level.depth > DEPTH_LIMIT)
                return error_errno(walk->err, ELOOP, "the directory `%s` is nested too deeply", walk->path);
        merged = openat(above->merged, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (merged < 0)
                return error_errno(walk->err, errno, "open the directory `%s`", walk->path);
        if (above->upper >= 0) {
                upper = openat(above->upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (upper < 0)
                        return error_errno(walk->err, errno, "open the changed directory `%s`", walk->path);
                if (overlay_attribute(upper, "redirect")) {
                        level.opaque = true;
                } else {
                        level.opaque = level.opaque || overlay_attribute(upper, "opaque") == 'y';
                        level.upper = upper;
                }
        }
        level.merged = merged;
        return walk_directory(walk, &level);
}

static int add_entry(struct walk *walk, const struct level *level, const char *name)
{
        struct stat status;
        bool mount;
        int r;

        if (level->upper >= 0 && fstatat(level->upper, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            overlay_is_whiteout(level->upper, name, &status))
                return add_deleted(walk);
        if (fstatat(level->merged, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(walk->err, errno, "look at `%s`", walk->path);
        mount = is_mount(walk, walk->path) || (S_ISDIR(status.st_mode) && status.st_dev != walk->device);
        if (mount && !walk->full && is_engine_made(walk->path))
                return 0;
        r = entries_add(walk->entries, level->merged, name, walk->path, &status, walk->err);
        if (r < 0 || mount || !S_ISDIR(status.st_mode))
                return r;
        return add_directory(walk, level, name);
}

struct hidden {
        struct walk *walk;
        const struct level *level;
        size_t length;
};

/* A name that the image has in an opaque directory. */
static int add_hidden(void *context, const char *name)
{
        struct hidden *hidden = context;
        struct stat status;
        int r;

        if (fstatat(hidden->level->merged, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        r = path_push(hidden->walk, hidden->length, name);
        return r < 0 ? r : add_deleted(hidden->walk);
}

static int walk_directory(struct walk *walk, const struct level *level)
{
        int fd = openat(level->upper >= 0 ? level->upper : level->merged, ".",
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *list = fd < 0 ? NULL : fdopendir(fd);
        struct hidden hidden = {walk, level, strlen(walk->path)};
        int r = 0;

        if (!list) {
                r = error_errno(walk->err, errno, "list the directory `/%s`", walk->path);
                if (fd >= 0)
                        close(fd);
                return r;
        }
        for (struct dirent *item; r == 0 && (item = readdir(list));) {
                if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
                        continue;
                r = path_push(walk, hidden.length, item->d_name);
                if (r == 0)
                        r = check(walk);
                if (r == 0)
                        r = add_entry(walk, level, item->d_name);
                walk->path[hidden.length] = '\0';
        }
        if (r == 0 && level->opaque && !walk->full)
                r = lowers_list(walk->lowers, walk->path, add_hidden, &hidden);
        walk->path[hidden.length] = '\0';
        return r;
}

/* The root as the container has it. Its path on the host may lie in a mount namespace that is not ours, and
 * is an empty directory then. */
static int root_open(const struct container *container, struct error *err)
{
        _cleanup_close_ int fd = -1;
        struct stat host, inside;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/root", container->pid);
        if (stat(path, &inside) < 0)
                return error_errno(err, errno, "look at the root directory of process %d", container->pid);
        fd = open(container->rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &host) == 0 && host.st_dev == inside.st_dev && host.st_ino == inside.st_ino)
                return steal_fd(&fd);
        cleanup_close(&fd);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? error_errno(err, errno, "open the root directory of process %d", container->pid)
                      : steal_fd(&fd);
}

static int write_tar(struct walk *walk, const struct container *container, struct archive_writer *writer)
{
        struct level level = {.upper = -1, .merged = -1};
        _cleanup_close_ int merged = root_open(container, walk->err), upper = -1;
        struct stat status;
        int r;

        if (merged < 0)
                return merged;
        if (fstat(merged, &status) < 0)
                return error_errno(walk->err, errno, "look at `%s`", container->rootfs);
        walk->device = status.st_dev;
        if (!walk->full) {
                upper = open(container->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (upper < 0)
                        return error_errno(walk->err, errno, "open the changed files in `%s`",
                                           container->upper);
        }
        level.upper = upper;
        level.merged = merged;
        r = lowers_open(container->lowers, &walk->lowers, walk->err);
        if (r == 0)
                r = entries_open(writer, "rootfs-diff.tar", &walk->entries, walk->err);
        if (r == 0)
                r = walk_directory(walk, &level);
        return r < 0 ? r : entries_end(walk->entries, walk->err);
}

static int write_deleted(struct walk *walk, struct archive_writer *writer)
{
        _cleanup_buffer_ struct buffer text = {0};
        int r;

        if (yyjson_mut_arr_size(yyjson_mut_doc_get_root(walk->deleted)) == 0)
                return 0;
        r = json_write(walk->deleted, false, &text, walk->err);
        return r < 0 ? r : archive_writer_add(writer, "deleted.files", 0600, buffer_slice(&text), walk->err);
}

static void walk_free(struct walk *walk)
{
        entries_freep(&walk->entries);
        lowers_freep(&walk->lowers);
        for (size_t i = 0; i < walk->mount_count; i++)
                free(walk->mounts[i]);
        free(walk->mounts);
        yyjson_mut_doc_freep(&walk->deleted);
        free(walk);
}
CLEANUP_DEFINE(struct walk *, walk_free);

int rootfs_add(const struct container *container, struct archive_writer *writer,
               const struct progress *progress, struct rootfs_result *out, struct error *err)
{
        _cleanup_(walk_freep) struct walk *walk = calloc(1, sizeof(*walk));
        yyjson_mut_val *list;
        int r;

        if (!walk)
                return error_oom(err);
        walk->progress = progress;
        walk->err = err;
        walk->full = !*container->upper;
        walk->deleted = yyjson_mut_doc_new(NULL);
        list = walk->deleted ? yyjson_mut_arr(walk->deleted) : NULL;
        if (!list)
                return error_oom(err);
        yyjson_mut_doc_set_root(walk->deleted, list);
        r = mounts_read(walk, container->pid);
        if (r == 0)
                r = write_tar(walk, container, writer);
        if (r == 0)
                r = write_deleted(walk, writer);
        if (r < 0)
                return r;
        *out = (struct rootfs_result){walk->full ? ROOTFS_FULL : ROOTFS_DIFF, entries_size(walk->entries)};
        return 0;
}
