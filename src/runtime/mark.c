/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mark.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "base/json.h"
#include "runtime/capture.h"
#include "runtime/cgroup.h"
#include "runtime/lock.h"

#define MARK_DIRECTORY LOCK_DIRECTORY "/frozen"
#define MARK_LIMIT     (64 * KIB)

char *mark_path(const char *key)
{
        char *path = NULL;

        return asprintf(&path, MARK_DIRECTORY "/%s", key) < 0 ? NULL : path;
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
            !yyjson_mut_obj_add_str(doc, root, "workDirectory", mark->work_directory))
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

int mark_undo(const char *path, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;
        const char *group, *temporary, *work;
        yyjson_val *root;
        int r;

        if (access(path, F_OK) < 0)
                return 0;
        r = file_read(AT_FDCWD, path, MARK_LIMIT, &text, err);
        if (r == 0)
                r = json_parse(buffer_slice(&text), path, &doc, err);
        if (r < 0)
                return r;
        root = yyjson_doc_get_root(doc);
        group = json_text(root, "cgroup");
        temporary = json_text(root, "temporary");
        work = json_text(root, "workDirectory");
        /* A group that is gone needs no thaw: the container has ended. */
        if (group && !json_bool_or(root, "keepFrozen", false) && access(group, F_OK) == 0) {
                r = cgroup_open_path(group, &cgroup, err);
                if (r == 0)
                        r = cgroup_thaw(cgroup);
                if (r < 0)
                        return error_wrap(err, r, "thaw what a killed checkpoint left frozen");
        }
        if (temporary)
                (void)unlink(temporary);
        if (work)
                r = file_remove_tree(AT_FDCWD, work, err);
        return r < 0 ? r : unlink(path) < 0 ? error_errno(err, errno, "remove `%s`", path) : 0;
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
                lock = lock_try(item->d_name, err);
                if (lock == -EBUSY) /* no accident: that checkpoint is being made */
                        continue;
                r = lock < 0 ? lock : mark_undo(path, err);
                if (r < 0)
                        return r;
                (*recovered)++;
        }
        return 0;
}
