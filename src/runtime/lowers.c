/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lowers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

struct lowers {
        size_t count;
        int roots[];
};

/* The directories of the layers that make up one directory of the image, top first. */
struct stack {
        size_t count;
        int *dirs; /* owned */
};

static void stack_free(struct stack *stack)
{
        for (size_t i = 0; i < stack->count; i++)
                close(stack->dirs[i]);
        free(stack->dirs);
}

int lowers_open(char *const *paths, struct lowers **out, struct error *err)
{
        _cleanup_lowers_ struct lowers *lowers = NULL;
        size_t count = 0;

        while (paths && paths[count])
                count++;
        lowers = calloc(1, sizeof(*lowers) + count * sizeof(lowers->roots[0]));
        if (!lowers)
                return error_oom(err);
        for (; lowers->count < count; lowers->count++) {
                int fd = open(paths[lowers->count], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (fd < 0)
                        return error_errno(err, errno, "open the image layer `%s`", paths[lowers->count]);
                lowers->roots[lowers->count] = fd;
        }
        *out = steal_ptr(lowers);
        return 0;
}

void lowers_free(struct lowers *lowers)
{
        for (size_t i = 0; i < lowers->count; i++)
                close(lowers->roots[i]);
        free(lowers);
}

char overlay_attribute(int dir, const char *name)
{
        static const char *const prefixes[] = {"trusted.overlay.", "user.overlay."};
        char key[64], value[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
                snprintf(key, sizeof(key), "%s%s", prefixes[i], name);
                if (fgetxattr(dir, key, value, sizeof(value)) > 0)
                        return value[0];
        }
        return 0;
}

bool overlay_is_whiteout(int dir, const char *name, const struct stat *status)
{
        _cleanup_close_ int fd = -1;

        if (S_ISCHR(status->st_mode))
                return status->st_rdev == 0;
        if (!S_ISREG(status->st_mode) || status->st_size != 0 || overlay_attribute(dir, "opaque") != 'x')
                return false;
        fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return fd >= 0 && (fgetxattr(fd, "trusted.overlay.whiteout", NULL, 0) >= 0 ||
                           fgetxattr(fd, "user.overlay.whiteout", NULL, 0) >= 0);
}

/* From the stack of a directory to that of its sub-directory `name`. What is no directory, and an opaque one,
 * hides the layers below it. */
static int stack_step(const int *dirs, size_t count, const char *name, struct stack *out)
{
        *out = (struct stack){0, calloc(count ? count : 1, sizeof(int))};
        if (!out->dirs)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                int fd = openat(dirs[i], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                char opaque;

                if (fd < 0 && errno == ENOENT)
                        continue;
                if (fd < 0)
                        break;
                out->dirs[out->count++] = fd;
                opaque = overlay_attribute(fd, "opaque");
                if (opaque == 'y')
                        break;
        }
        return 0;
}

/* The stack of the directory `path`; `leaf` is what is left when `up_to_leaf` says not to enter the last
 * part. */
static int stack_find(const struct lowers *lowers, const char *path, bool up_to_leaf, struct stack *out,
                      const char **leaf)
{
        struct stack stack = {0};

        stack.dirs = calloc(lowers->count ? lowers->count : 1, sizeof(int));
        if (!stack.dirs)
                return -ENOMEM;
        for (size_t i = 0; i < lowers->count; i++) {
                int fd = fcntl(lowers->roots[i], F_DUPFD_CLOEXEC, 3);

                if (fd < 0) {
                        int r = -errno;

                        stack_free(&stack);
                        return r;
                }
                stack.dirs[stack.count++] = fd;
        }
        for (;;) {
                size_t length = strcspn(path, "/");
                char name[NAME_MAX + 1];
                struct stack next;
                int r;

                if (length == 0 || (up_to_leaf && path[length] == '\0'))
                        break;
                snprintf(name, sizeof(name), "%.*s", (int)length, path);
                r = stack_step(stack.dirs, stack.count, name, &next);
                stack_free(&stack);
                if (r < 0)
                        return r;
                stack = next;
                path += length + (path[length] == '/');
        }
        *out = stack;
        *leaf = path;
        return 0;
}

static int stack_stat(const struct stack *stack, const char *name, struct stat *out)
{
        for (size_t i = 0; i < stack->count; i++) {
                if (fstatat(stack->dirs[i], name, out, AT_SYMLINK_NOFOLLOW) == 0)
                        return overlay_is_whiteout(stack->dirs[i], name, out) ? -ENOENT : 0;
                if (errno != ENOENT)
                        return -errno;
        }
        return -ENOENT;
}

int lowers_stat(const struct lowers *lowers, const char *path, struct stat *out)
{
        _cleanup_(stack_free) struct stack stack = {0};
        const char *leaf;
        int r = stack_find(lowers, path, true, &stack, &leaf);

        return r < 0 ? r : stack_stat(&stack, leaf, out);
}

static int list_one(const struct stack *stack, int dir, int (*each)(void *context, const char *name),
                    void *context)
{
        int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        _cleanup_closedir_ DIR *list = fd < 0 ? NULL : fdopendir(fd);

        if (!list) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                return r;
        }
        for (struct dirent *item; r == 0 && (item = readdir(list));) {
                struct stat status;

                if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
                    stack_stat(stack, item->d_name, &status) < 0)
                        continue;
                r = each(context, item->d_name);
        }
        return r;
}

int lowers_list(const struct lowers *lowers, const char *path, int (*each)(void *context, const char *name),
                void *context)
{
        _cleanup_(stack_free) struct stack stack = {0};
        const char *leaf;
        int r = stack_find(lowers, path, false, &stack, &leaf);

        for (size_t i = 0; r == 0 && i < stack.count; i++)
                r = list_one(&stack, stack.dirs[i], each, context);
        return r;
}
