/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "runtime/entries.h"

#define TREE_DEPTH_MOST 512 /* one descriptor for each level is open */

struct tree {
        struct entries *entries;
        dev_t device;
        char name[TAR_NAME_SIZE]; /* of what is being added, "./…" */
        struct error *err;
};

static int add_directory(struct tree *tree, int parent, const char *leaf, unsigned depth);

/* What vanishes meanwhile (a volume can have other users) is left out. */
static int add_leaf(struct tree *tree, int dir, const char *leaf, unsigned depth)
{
        struct stat status;
        int ret;

        if (fstatat(dir, leaf, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_errno(tree->err, errno, "cannot look at %s", tree->name);
        if (status.st_dev != tree->device)
                return 0;
        ret = entries_add(tree->entries, dir, leaf, tree->name, &status, tree->err);
        if (ret == -ENOENT) {
                if (tree->err)
                        *tree->err = (struct error){0};
                return 0;
        }
        return ret < 0 || !S_ISDIR(status.st_mode) ? ret : add_directory(tree, dir, leaf, depth + 1);
}

static DIR *directory_open(int parent, const char *leaf)
{
        int fd = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (fd >= 0 && !dir)
                close(fd);
        return dir;
}

/* What is in it; tree->name is the directory's and is so again at the end. */
static int add_directory(struct tree *tree, int parent, const char *leaf, unsigned depth)
{
        _cleanup_closedir_ DIR *dir = directory_open(parent, leaf);
        size_t length = strlen(tree->name);
        int ret = 0;

        if (!dir)
                return errno == ENOENT ? 0 : error_errno(tree->err, errno, "cannot open %s", tree->name);
        if (depth > TREE_DEPTH_MOST)
                return error_errno(tree->err, ELOOP, "%s is nested too deeply", tree->name);
        for (struct dirent *item; ret == 0 && (item = readdir(dir));) {
                int n;

                if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
                        continue;
                /* One byte is kept for the slash of a directory. */
                n = snprintf(tree->name + length, sizeof(tree->name) - length, "/%s", item->d_name);
                if (n < 0 || (size_t)n >= sizeof(tree->name) - length - 1)
                        ret = error_errno(tree->err, ENAMETOOLONG, "a name beneath %s", tree->name);
                else
                        ret = add_leaf(tree, dirfd(dir), item->d_name, depth);
        }
        tree->name[length] = '\0';
        return ret;
}

int tree_add(struct archive_writer *writer, const char *name, const char *path, struct error *err)
{
        _cleanup_entries_ struct entries *entries = NULL;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct tree tree = {.name = ".", .err = err};
        struct stat status;
        int ret;

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_errno(err, errno, "cannot open the directory %s", path);
        ret = entries_open(writer, name, &entries, err);
        if (ret < 0)
                return ret;
        tree.entries = entries;
        tree.device = status.st_dev;
        ret = entries_add(entries, fd, ".", ".", &status, err);
        if (ret == 0)
                ret = add_directory(&tree, fd, ".", 0);
        return ret < 0 ? ret : entries_end(entries, err);
}
