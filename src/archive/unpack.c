/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a container's root to the state of the capture: rootfs-diff.tar over it, deleted.files out of it. */
#include <errno.h>
#include <fcntl.h>
#include "archive/extract.h"
#include "archive/internal.h"
#include "archive/tree.h"
#include "base/file.h"
#include "base/json.h"

/* More entries than this are refused; whole distributions have some 100,000. */
#define ENTRIES_MAX 4000000

/* Names of the layer format (OCI image specification, "Whiteouts"). */
#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META   ".wh..wh."

struct unpack {
        int root;
        struct tar_walk walk;
        struct stream *stream;
        const struct progress *progress;
        uint64_t total;           /* bytes of the member */
        char path[TAR_NAME_SIZE]; /* of the current entry, as we write it */
        /*
         * Directories that the walk is in, outermost first: their times are set when it leaves them, because
         * what is made in them changes those. Their paths are beginnings of `inside`.
         */
        char inside[TAR_NAME_SIZE];
        struct {
                size_t length;
                int64_t mtime;
        } directories[TREE_DEPTH_MAX];
        unsigned depth;
};

static const char *base_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool is_whiteout(const char *path)
{
        return text_starts_with(base_of(path), WHITEOUT_PREFIX);
}

static int bad_name(const struct unpack *unpack, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                         "`%s` has an entry named `%s`, which leads out of it", unpack->walk.what,
                         unpack->walk.entry.name);
}

/* Takes the name of the current entry, refused unless it is harmless. */
static int path_take(struct unpack *unpack, struct error *err)
{
        const char *name;
        size_t size, components = 1;

        name = archive_name_normal(unpack->walk.entry.name, &size);
        memcpy(unpack->path, name, size);
        unpack->path[size] = '\0';
        if (size == 0 && unpack->walk.entry.type == TAR_DIRECTORY)
                return 0; /* "./", the root itself */
        if (!file_name_is_safe(unpack->path))
                return bad_name(unpack, err);
        for (size_t i = 0; i < size; i++)
                components += unpack->path[i] == '/';
        return components > TREE_DEPTH_MAX ? bad_name(unpack, err) : 0;
}

/* One pass over the tar. */
static int unpack_walk(struct unpack *unpack, const struct archive *archive,
                       const struct archive_member *member, int (*each)(struct unpack *, struct error *),
                       struct error *err)
{
        int r = stream_open_member(archive, member, true, &unpack->stream, err);

        unpack->walk = (struct tar_walk){.stream = unpack->stream, .what = member->name};
        for (unsigned entries = 0; r == 0; entries++) {
                int more = tar_walk_next(&unpack->walk, err);

                if (more <= 0) {
                        r = more;
                        break;
                }
                r = entries < ENTRIES_MAX
                            ? path_take(unpack, err)
                            : error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                        "`%s` has more than %d entries", member->name, ENTRIES_MAX);
                if (r == 0)
                        r = each(unpack, err);
                if (r == 0 && progress_cancelled(unpack->progress))
                        r = error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        tar_walk_done(&unpack->walk);
        stream_free(steal_ptr(unpack->stream));
        return r < 0 ? error_wrap(err, r, "`%s`", archive_path(archive)) : 0;
}

/*
 * First pass: what the layer removes. On its own, because it concerns only what was there before, wherever in
 * the tar the whiteouts stand. Names are looked at on the way: nothing is unpacked of a tar with a bad one.
 */
static int each_remove(struct unpack *unpack, struct error *err)
{
        char *base = unpack->path + (base_of(unpack->path) - unpack->path);

        if (!is_whiteout(unpack->path))
                return 0;
        if (strcmp(base, WHITEOUT_OPAQUE) == 0) {
                base[base > unpack->path ? -1 : 0] = '\0'; /* the directory it stands in */
                return tree_empty(unpack->root, unpack->path, err);
        }
        if (text_starts_with(base, WHITEOUT_META))
                return 0; /* aufs' own */
        memmove(base, base + strlen(WHITEOUT_PREFIX), strlen(base + strlen(WHITEOUT_PREFIX)) + 1);
        if (!file_name_is_safe(unpack->path))
                return bad_name(unpack, err);
        return tree_remove(unpack->root, unpack->path, err);
}

/* Leaves directories that do not hold `path`. */
static int directories_leave(struct unpack *unpack, const char *path, struct error *err)
{
        while (unpack->depth > 0) {
                size_t length = unpack->directories[unpack->depth - 1].length;
                int64_t mtime = unpack->directories[unpack->depth - 1].mtime;
                const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
                _cleanup_close_ int fd = -1;

                if (path && strncmp(path, unpack->inside, length) == 0 && path[length] == '/')
                        return 0;
                unpack->inside[length] = '\0';
                unpack->depth--;
                fd = file_open_beneath(unpack->root, unpack->inside, O_RDONLY | O_DIRECTORY, 0);
                /* A later entry may have put something else in its place. */
                if (fd >= 0 && futimens(fd, times) < 0)
                        return error_errno(err, errno, "set the time of `%s`", unpack->inside);
        }
        return 0;
}

static void directory_enter(struct unpack *unpack)
{
        size_t length = strlen(unpack->path);

        if (length == 0)
                return;
        memcpy(unpack->inside, unpack->path, length + 1);
        unpack->directories[unpack->depth].length = length;
        unpack->directories[unpack->depth++].mtime = unpack->walk.entry.mtime;
}

/* Second pass: what it adds. */
static int each_make(struct unpack *unpack, struct error *err)
{
        int r;

        if (is_whiteout(unpack->path))
                return 0;
        r = directories_leave(unpack, unpack->path, err);
        if (r == 0)
                r = tree_make_entry(unpack->root, unpack->path, &unpack->walk, err);
        if (r == 0 && unpack->walk.entry.type == TAR_DIRECTORY)
                directory_enter(unpack);
        progress_step(unpack->progress, "unpack", stream_position(unpack->stream), unpack->total);
        return r;
}

int archive_extract_tree(const struct archive *archive, const char *member, int root,
                         const struct progress *progress, struct error *err)
{
        const struct archive_member *found = archive_find(archive, member);
        _cleanup_free_ struct unpack *unpack = calloc(1, sizeof(*unpack));
        int r;

        if (!unpack)
                return error_oom(err);
        if (!found)
                return error_set(err, &ERROR_ARCHIVE_MEMBER_MISSING, -ENOENT, "`%s` has no member `%s`",
                                 archive_path(archive), member);
        unpack->root = root;
        unpack->progress = progress;
        unpack->total = found->size;
        r = unpack_walk(unpack, archive, found, each_remove, err);
        if (r == 0)
                r = unpack_walk(unpack, archive, found, each_make, err);
        return r < 0 ? r : directories_leave(unpack, NULL, err);
}

/* The path of one entry of "deleted.files" beneath the root; NULL when it is not such a path. Borrowed. */
static const char *deleted_path(yyjson_val *value)
{
        const char *path = yyjson_get_str(value);

        if (!path || strlen(path) != yyjson_get_len(value))
                return NULL;
        while (*path == '/')
                path++;
        return file_name_is_safe(path) && strlen(path) < TAR_NAME_SIZE ? path : NULL;
}

int archive_apply_deleted(const struct archive *archive, int root, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *list, *value;
        size_t i, count;
        int r;

        if (!archive_find(archive, "deleted.files"))
                return 0;
        r = archive_read_json(archive, "deleted.files", &doc, err);
        if (r < 0)
                return r;
        list = yyjson_doc_get_root(doc);
        if (!yyjson_is_arr(list) && !yyjson_is_null(list))
                return error_set(err, &ERROR_ARCHIVE_METADATA, -EBADMSG, "`%s`: deleted.files is not a list",
                                 archive_path(archive));
        /* All are looked at before the first is removed. */
        yyjson_arr_foreach (list, i, count, value) {
                if (!deleted_path(value))
                        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                         "`%s`: deleted.files names `%s`, which leads out of the container",
                                         archive_path(archive), yyjson_get_str(value) ?: "no text");
        }
        yyjson_arr_foreach (list, i, count, value) {
                r = tree_remove(root, deleted_path(value), err);
                if (r < 0)
                        return error_wrap(err, r, "`%s`: deleted.files", archive_path(archive));
        }
        return 0;
}
