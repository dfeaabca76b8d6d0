/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to the image's files. containerd writes a layer by the image-spec, where ".wh.NAME" removes NAME;
 * CRI-O and Podman write a tar of what was added and the list deleted.files. Entries keep the bytes they
 * have.
 */
#include <errno.h>
#include "archive/walk.h"
#include "base/file.h"
#include "oci/translate_private.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META   ".wh..wh."

/* More paths than this are not deleted; those of real archives are some hundred. */
#define DELETED_MAX 100000

#define COPY_SIZE (64 * KIB)

static int refuse(const char *reason, struct error *err)
{
        return error_set(err, &ERROR_TRANSLATION, -ENOTSUP, "rootfs-diff.tar: %s", reason);
}

/* --- deleted.files to whiteouts ---------------------------------------------------------------------- */

static int path_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A path beneath the root, without what a layer would understand differently; NULL when it is none. */
static const char *deleted_path(yyjson_val *value)
{
        const char *path = yyjson_get_str(value);

        if (!path || strlen(path) != yyjson_get_len(value))
                return NULL;
        while (*path == '/')
                path++;
        return file_name_is_safe(path) && strlen(path) < TAR_NAME_SIZE - sizeof(WHITEOUT_PREFIX) ? path
                                                                                                 : NULL;
}

static int read_deleted(const struct archive *archive, struct translated_diff *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *list, *value;
        size_t i, count;
        int ret;

        if (!archive_find(archive, "deleted.files"))
                return 0;
        ret = archive_read_json(archive, "deleted.files", &doc, err);
        if (ret < 0)
                return ret;
        list = yyjson_doc_get_root(doc);
        if (yyjson_arr_size(list) > DELETED_MAX)
                return refuse("more paths were deleted than can be translated", err);
        out->deleted = calloc(yyjson_arr_size(list) + 1, sizeof(*out->deleted));
        if (!out->deleted)
                return error_oom(err);
        yyjson_arr_foreach (list, i, count, value) {
                const char *path = deleted_path(value);

                if (!path)
                        return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                         "`%s`: deleted.files names a path that leads out of the container",
                                         archive_path(archive));
                out->deleted[out->deleted_count] = strdup(path);
                if (!out->deleted[out->deleted_count++])
                        return error_oom(err);
        }
        if (out->deleted_count)
                qsort(out->deleted, out->deleted_count, sizeof(*out->deleted), path_compare);
        return 0;
}

static bool is_deleted(const struct translated_diff *diff, const char *path)
{
        return bsearch(&path, diff->deleted, diff->deleted_count, sizeof(*diff->deleted), path_compare);
}

/* What lies in a directory that is gone is gone with it; a whiteout for it would make the directory again. */
static bool is_beneath_another(const struct translated_diff *diff, const char *path)
{
        char parent[TAR_NAME_SIZE];

        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
                if (is_deleted(diff, parent))
                        return true;
        }
        return false;
}

static int append_whiteout(const char *path, struct buffer *out)
{
        struct tar_entry entry = {.type = TAR_FILE};
        const char *slash = strrchr(path, '/');
        size_t directory = slash ? (size_t)(slash + 1 - path) : 0;

        snprintf(entry.name, sizeof(entry.name), "%.*s" WHITEOUT_PREFIX "%s", (int)directory, path,
                 path + directory);
        return tar_header_append(&entry, NULL, 0, out);
}

/* Hands out the whiteouts one by one: together they are much larger than their names. */
static int write_whiteouts(const struct translated_diff *diff, translation_sink sink, void *context,
                           struct error *err)
{
        int ret = 0;

        for (size_t i = 0; i < diff->deleted_count && ret == 0; i++) {
                _cleanup_buffer_ struct buffer header = {0};

                if ((i && strcmp(diff->deleted[i], diff->deleted[i - 1]) == 0) ||
                    is_beneath_another(diff, diff->deleted[i]))
                        continue;
                if (append_whiteout(diff->deleted[i], &header) < 0)
                        return error_oom(err);
                ret = sink(context, buffer_slice(&header), err);
        }
        return ret;
}

static int measure(void *context, struct slice bytes, struct error *err)
{
        *(uint64_t *)context += bytes.size;
        return 0;
}

static int plan_whiteouts(struct translation *translation, struct error *err)
{
        int ret = read_deleted(translation->archive, &translation->diff, err);

        return ret < 0 ? ret : write_whiteouts(&translation->diff, measure, &translation->diff.before, err);
}

/* --- whiteouts to deleted.files ---------------------------------------------------------------------- */

static int leave_out(struct translated_diff *diff, uint64_t start, uint64_t end, struct error *err)
{
        struct diff_range *grown;

        if (diff->left_out_count == DELETED_MAX)
                return refuse("more paths were deleted than can be translated", err);
        /* Whole steps at a time. */
        if (diff->left_out_count % 64 == 0) {
                grown = reallocarray(diff->left_out, diff->left_out_count + 64, sizeof(*grown));
                if (!grown)
                        return error_oom(err);
                diff->left_out = grown;
        }
        diff->left_out[diff->left_out_count++] = (struct diff_range){start, end};
        return 0;
}

/* The path that a whiteout removes, from the root. */
static int add_deleted(const struct translation *translation, const char *name, size_t base,
                       yyjson_mut_doc *doc, size_t *names, struct error *err)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "/%.*s%s", (int)base, name, name + base + strlen(WHITEOUT_PREFIX)) < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (!file_name_is_safe(path + 1))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG,
                                 "`%s`: rootfs-diff.tar has an entry that leads out of the container",
                                 archive_path(translation->archive));
        if (add_overflow(*names, strlen(path), names) || *names > JSON_LIMIT / 2)
                return refuse("the names of what was deleted are too long", err);
        return yyjson_mut_arr_add_strcpy(doc, yyjson_mut_doc_get_root(doc), path) ? 0 : error_oom(err);
}

static int take_entry(struct translation *translation, const struct tar_walk *walk, yyjson_mut_doc *doc,
                      size_t *names, struct error *err)
{
        const char *name = walk->entry.name, *slash;
        size_t base;
        int ret;

        while (*name == '/' || text_starts_with(name, "./"))
                name++;
        slash = strrchr(name, '/');
        base = slash ? (size_t)(slash + 1 - name) : 0;
        if (!text_starts_with(name + base, WHITEOUT_PREFIX))
                return 0;
        if (strcmp(name + base, WHITEOUT_OPAQUE) == 0)
                return refuse("a directory of the image was replaced as a whole, which CRI-O and Podman have "
                              "no word for",
                              err);
        ret = leave_out(&translation->diff, walk->header, walk->contents + tar_padded(walk->entry.size), err);
        if (ret < 0 || text_starts_with(name + base, WHITEOUT_META))
                return ret;
        return add_deleted(translation, name, base, doc, names, err);
}

static int collect_whiteouts(struct translation *translation, yyjson_mut_doc *doc, struct error *err)
{
        struct translated_diff *diff = &translation->diff;
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {.what = "rootfs-diff.tar"};
        uint64_t left_out = 0;
        size_t names = 0; /* bytes of those that were deleted */
        int ret = stream_open_member(translation->archive, diff->from, true, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        while ((ret = tar_walk_next(&walk, err)) > 0) {
                ret = take_entry(translation, &walk, doc, &names, err);
                if (ret < 0)
                        return ret;
        }
        for (size_t i = 0; i < diff->left_out_count; i++)
                left_out += diff->left_out[i].end - diff->left_out[i].start;
        diff->size = stream_position(stream) - left_out;
        return ret;
}

/* --- both -------------------------------------------------------------------------------------------- */

int translate_diff(struct translation *translation, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        struct translated_diff *diff = &translation->diff;
        int ret;

        if (!doc)
                return error_oom(err);
        diff->from = archive_find(translation->archive, "rootfs-diff.tar");
        if (translation->to == ENGINE_CONTAINERD) {
                ret = plan_whiteouts(translation, err);
                if (ret < 0)
                        return ret;
        }
        if (!diff->from && !diff->before)
                return 0;
        yyjson_mut_doc_set_root(doc, yyjson_mut_arr(doc));
        /* Of what containerd takes, too: its size is to be known, and whether it is a tar. */
        ret = diff->from ? collect_whiteouts(translation, doc, err) : 0;
        if (ret < 0)
                return ret;
        diff->size += diff->before + (diff->from ? 0 : 2 * TAR_BLOCK);
        return yyjson_mut_arr_size(yyjson_mut_doc_get_root(doc))
                       ? translation_add_json(translation, "deleted.files", doc, err)
                       : 0;
}

/* The expanded tar but for what is left out. */
static int copy_entries(const struct translation *translation, uint8_t *copy, translation_sink sink,
                        void *context, struct error *err)
{
        const struct translated_diff *diff = &translation->diff;
        uint64_t position = 0, end = diff->size - diff->before;
        _cleanup_stream_ struct stream *stream = NULL;
        size_t next = 0;
        int ret = stream_open_member(translation->archive, diff->from, true, &stream, err);

        for (size_t i = 0; i < diff->left_out_count; i++)
                end += diff->left_out[i].end - diff->left_out[i].start;
        while (ret == 0 && position < end) {
                bool more = next < diff->left_out_count;
                uint64_t stop = more ? diff->left_out[next].start : end;
                size_t size = stop - position < COPY_SIZE ? (size_t)(stop - position) : COPY_SIZE;
                ssize_t n = stream_read(stream, copy, size, err);

                if (n < 0)
                        return (int)n;
                if ((size_t)n < size)
                        return refuse("it changed while it was read", err);
                ret = sink(context, (struct slice){copy, size}, err);
                position += size;
                if (ret == 0 && more && position == stop) {
                        ret = stream_skip(stream, diff->left_out[next].end - stop, err);
                        position = diff->left_out[next++].end;
                }
        }
        return ret;
}

int translate_diff_write(const struct translation *translation, translation_sink sink, void *context,
                         struct error *err)
{
        static const uint8_t zeros[2 * TAR_BLOCK];
        _cleanup_free_ uint8_t *copy = malloc(COPY_SIZE);
        int ret = copy ? 0 : error_oom(err);

        if (ret == 0)
                ret = write_whiteouts(&translation->diff, sink, context, err);
        if (ret < 0)
                return ret;
        if (!translation->diff.from)
                return sink(context, (struct slice){zeros, sizeof(zeros)}, err);
        return copy_entries(translation, copy, sink, context, err);
}

void translate_diff_free(struct translated_diff *diff)
{
        for (size_t i = 0; i < diff->deleted_count; i++)
                free(diff->deleted[i]);
        free(diff->deleted);
        free(diff->left_out);
}
