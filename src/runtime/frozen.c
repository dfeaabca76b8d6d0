/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/frozen.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include "base/file.h"

#define GROUPS_MOST 65536 /* a machine with more is not looked through to the end */

static bool file_begins(int dir, const char *name, const char *text)
{
        char start[16] = {0};
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

        return fd >= 0 && file_read_full(fd, start, strlen(text)) == (ssize_t)strlen(text) &&
               memcmp(start, text, strlen(text)) == 0;
}

/* Only what was frozen itself, not what lies beneath it: "self_freezing" of version 1, "cgroup.freeze" of 2.
 */
static bool group_frozen(const char *path)
{
        _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return dir >= 0 &&
               (file_begins(dir, "cgroup.freeze", "1") || file_begins(dir, "freezer.self_freezing", "1"));
}

int frozen_find(const char *root, struct finding *out, struct error *err)
{
        _cleanup_free_ char *freezer = NULL;
        char *paths[] = {NULL, NULL};
        unsigned seen = 0;
        int ret = 0;
        FTS *walk;

        if (asprintf(&freezer, "%s/freezer", root) < 0) {
                freezer = NULL;
                return error_oom(err);
        }
        paths[0] = access(freezer, F_OK) == 0 ? freezer : (char *)(uintptr_t)root;
        walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
        if (!walk)
                return error_errno(err, errno, "cannot look through %s", root);
        for (FTSENT *entry; ret == 0 && seen < GROUPS_MOST && (entry = fts_read(walk));) {
                if (entry->fts_info != FTS_D)
                        continue;
                seen++;
                if (group_frozen(entry->fts_path))
                        ret = finding_add(out, "%s", entry->fts_path);
        }
        fts_close(walk);
        return ret < 0 ? error_oom(err) : 0;
}
