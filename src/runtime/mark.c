/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mark.h"

#include <errno.h>
#include <fcntl.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "runtime/capture.h"
#include "runtime/cgroup.h"
#include "runtime/cri_private.h"
#include "runtime/lock.h"
#include "runtime/pages.h"

#define MARK_DIRECTORY LOCK_DIRECTORY "/frozen"
#define MARK_LIMIT     (64 * KIB)
/* A dump without readers fails at once; more means that CRIU hangs in the kernel. */
#define TAKE_OVER_US      30000000
#define TAKE_OVER_STEP_US 20000

char *mark_path(const char *key)
{
        char *path = NULL;

        return asprintf(&path, MARK_DIRECTORY "/%s", key) < 0 ? NULL : path;
}

static bool add_parts(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct mark *mark)
{
        yyjson_mut_val *parts = yyjson_mut_obj_add_arr(doc, root, "parts");

        for (const char *const *part = mark->parts; part && *part; part++)
                if (!yyjson_mut_arr_add_str(doc, parts, *part))
                        return false;
        return parts && (!mark->parts_directory ||
                         yyjson_mut_obj_add_str(doc, root, "partsDirectory", mark->parts_directory));
}

int mark_write(const char *path, const struct mark *mark, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_file_writer_ struct file_writer *file = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
        int r;

        if (!root || !yyjson_mut_obj_add_str(doc, root, "cgroup", mark->cgroup) ||
            !yyjson_mut_obj_add_bool(doc, root, "keepFrozen", mark->keep_frozen) ||
            !yyjson_mut_obj_add_str(doc, root, "temporary", mark->temporary) ||
            !yyjson_mut_obj_add_str(doc, root, "workDirectory", mark->work_directory) ||
            (mark->container && !yyjson_mut_obj_add_str(doc, root, "container", mark->container)) ||
            !add_parts(doc, root, mark))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        r = json_write(doc, true, &text, err);
        if (r == 0)
                r = file_mkdir_all(MARK_DIRECTORY, 0700, err);
        if (r == 0)
                r = file_writer_open(path, true, &file, err);
        if (r < 0)
                return r;
        r = file_write_full(file_writer_fd(file), text.data, text.size);
        if (r < 0)
                return error_errno(err, -r, "write `%s`", path);
        return file_writer_commit(file, err);
}

/* `doc` refers to `text`. */
static int mark_read(const char *path, struct buffer *text, yyjson_doc **doc, struct error *err)
{
        int r = file_read(AT_FDCWD, path, MARK_LIMIT, text, err);

        return r < 0 ? r : json_parse(buffer_slice(text), path, doc, err);
}

/* What we froze ourselves, or had an engine freeze. */
static int group_release(yyjson_val *mark, struct error *err)
{
        const char *group = json_text_or(mark, "cgroup", ""), *container = json_text(mark, "container");
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        int r;

        /* A group that is gone needs no thaw: the container has ended. */
        if (!*group || json_bool_or(mark, "keepFrozen", false) || access(group, F_OK) < 0)
                return 0;
        r = cgroup_open_path(group, &cgroup, err);
        if (r == 0 && container)
                return cri_release(container, cgroup, err);
        if (r == 0 && (r = cgroup_thaw(cgroup)) < 0)
                r = error_errno(err, -r, "thaw `%s`", group);
        return r;
}

static void remove_parts(yyjson_val *mark)
{
        const char *directory = json_text(mark, "partsDirectory");
        yyjson_val *part;
        size_t index, count;

        yyjson_arr_foreach (yyjson_obj_get(mark, "parts"), index, count, part)
                if (yyjson_is_str(part))
                        (void)unlink(yyjson_get_str(part));
        if (directory)
                (void)rmdir(directory);
}

int mark_undo(const char *path, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        const char *temporary, *work;
        yyjson_val *root;
        int r;

        if (access(path, F_OK) < 0)
                return 0;
        r = mark_read(path, &text, &doc, err);
        if (r < 0)
                return r;
        root = yyjson_doc_get_root(doc);
        temporary = json_text(root, "temporary");
        work = json_text(root, "workDirectory");
        r = group_release(root, err);
        if (r < 0)
                return error_wrap(err, r, "thaw what a killed checkpoint left frozen");
        if (temporary && *temporary)
                (void)unlink(temporary);
        if (work && *work)
                r = file_remove_tree(AT_FDCWD, work, err);
        remove_parts(root);
        return r < 0 ? r : unlink(path) < 0 ? error_errno(err, errno, "remove `%s`", path) : 0;
}

/* Nobody reads what CRIU writes any more, and it may wait for that without end. */
static int dump_end(const char *mark, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_close_ int work = -1, images = -1;
        _cleanup_pages_ struct pages *pages = NULL;
        int r = mark_read(mark, &text, &doc, err);

        if (r < 0)
                return r;
        work = open(json_text_or(yyjson_doc_get_root(doc), "workDirectory", ""),
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        images = work < 0 ? -1 : openat(work, "images", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        /* What has no directory any more has no dump that could wait. */
        if (images < 0)
                return 0;
        r = pages_adopt(images, &pages, err);
        if (r == 0)
                pages_break(pages);
        return r;
}

/* The lock of a container whose checkpoint is dead: its descriptor, or -EBUSY when that lives. */
static int lock_take_over(const char *key, const char *mark, struct error *err)
{
        uint64_t limit = clock_monotonic_us() + TAKE_OVER_US;
        int lock = lock_try(key, err), keeper, r;

        if (lock != -EBUSY)
                return lock;
        keeper = lock_try_keeper(key, err);
        if (keeper < 0)
                return keeper;
        r = dump_end(mark, err);
        close(keeper);
        while (r == 0 && (lock = lock_try(key, err)) == -EBUSY && clock_monotonic_us() < limit)
                usleep(TAKE_OVER_STEP_US);
        return r < 0 ? r : lock;
}

int capture_recover(unsigned *recovered, struct error *err)
{
        _cleanup_closedir_ DIR *dir = opendir(MARK_DIRECTORY);

        *recovered = 0;
        for (struct dirent *item; dir && (item = readdir(dir));) {
                _cleanup_close_ int lock = -1;
                _cleanup_free_ char *path = NULL;
                int r;

                /* Temporary names of marks being written begin with a dot. */
                if (item->d_name[0] == '.')
                        continue;
                path = mark_path(item->d_name);
                if (!path)
                        return error_oom(err);
                lock = lock_take_over(item->d_name, path, err);
                if (lock == -EBUSY) /* no accident: that checkpoint is being made */
                        continue;
                r = lock < 0 ? lock : mark_undo(path, err);
                if (r < 0)
                        return r;
                (*recovered)++;
        }
        return 0;
}
