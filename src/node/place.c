/* SPDX-License-Identifier: Apache-2.0 */
/* Is the archives' directory the one that the records are of, or the empty one that is seen when its disk is
 * not mounted? It is known by its inode, which the state directory remembers with its path. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include "base/file.h"
#include "node/node_private.h"

#define PLACE_FILE      "archives" /* in the state directory: "INODE PATH" */
#define PLACE_LIMIT     (PATH_MAX + 64)
#define RECORDS_AT_ONCE 200

static int look(const struct node *node, struct stat *out, struct error *err)
{
        return stat(node->options.directory, out) < 0
                       ? error_errno(err, errno, "look at `%s`", node->options.directory)
                       : 0;
}

static int another(const struct node *node, struct error *err)
{
        return error_set(
                err, &ERROR_PLACE, -ENODEV,
                "`%s` is not the directory that the checkpoints of this node are in: is its disk mounted?",
                node->options.directory);
}

/* None is recorded, or one of them is there. */
static int fits(struct node *node, bool *out, struct error *err)
{
        char after[UNIQUE_ID_SIZE] = "";
        bool more = true;
        int r = 0;

        *out = true;
        while (r == 0 && more) {
                const struct checkpoint_filter next = {.after = after, .limit = RECORDS_AT_ONCE};
                _cleanup_checkpoint_list_ struct checkpoint_list list = {0};

                r = catalog_list_checkpoints(node->catalog, &next, &list, err);
                for (size_t i = 0; r == 0 && i < list.count; i++) {
                        *out = access(list.items[i]->path, F_OK) == 0;
                        if (*out)
                                return 0;
                }
                more = list.count == RECORDS_AT_ONCE;
                if (list.count)
                        snprintf(after, sizeof(after), "%s", list.items[list.count - 1]->id);
        }
        return r;
}

/* That an agent is given another directory is meant so. */
static bool is_of(const struct node *node, const char *remembered)
{
        const char *path = strchr(remembered, ' ');
        size_t size = strlen(node->options.directory);

        return path && strncmp(path + 1, node->options.directory, size) == 0 &&
               strcmp(path + 1 + size, "\n") == 0;
}

static int remember(const struct node *node, const char *path, struct error *err)
{
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        char text[PLACE_LIMIT];
        int r;

        snprintf(text, sizeof(text), "%ju %s\n", (uintmax_t)node->place.st_ino, node->options.directory);
        r = file_writer_open(path, true, &writer, err);
        if (r < 0)
                return r;
        r = file_write_full(file_writer_fd(writer), text, strlen(text));
        return r < 0 ? error_errno(err, -r, "write `%s`", path) : file_writer_commit(writer, err);
}

int place_confirm(struct node *node, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        bool fine = true;
        int r = look(node, &node->place, err);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/" PLACE_FILE, node->options.state_directory) < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (access(path, F_OK) == 0) {
                r = file_read(AT_FDCWD, path, PLACE_LIMIT, &text, err);
                if (r == 0 && strtoumax(buffer_text(&text), NULL, 10) == node->place.st_ino)
                        return 0;
                if (r == 0 && is_of(node, buffer_text(&text)))
                        r = fits(node, &fine, err);
        }
        if (r < 0)
                return r;
        return fine ? remember(node, path, err) : another(node, err);
}

int place_check(const struct node *node, struct error *err)
{
        struct stat now;
        int r = look(node, &now, err);

        if (r < 0)
                return r;
        return now.st_dev == node->place.st_dev && now.st_ino == node->place.st_ino ? 0 : another(node, err);
}
