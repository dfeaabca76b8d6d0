/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/pod_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include "archive/verify_internal.h"
#include "base/file.h"

#define MANIFEST_VERSION 1
#define MEASURE_BLOCK    MIB

bool pod_manifest_is_one(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_close_ int dir = -1;

        if (strcmp(slash ? slash + 1 : path, POD_MANIFEST_NAME) == 0)
                return true;
        dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return dir >= 0 && faccessat(dir, POD_MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void pod_manifest_free(struct pod_manifest *manifest)
{
        for (size_t i = 0; i < manifest->count; i++) {
                struct pod_part *part = &manifest->parts[i];

                free(part->container);
                free(part->container_id);
                free(part->container_name);
                free(part->image);
                free(part->checkpoint);
                free(part->file);
        }
        free(manifest->parts);
        free(manifest->directory);
        free(manifest->id);
        free(manifest->created);
        free(manifest->engine);
        free(manifest->name);
        free(manifest->namespace);
        free(manifest->uid);
        yyjson_doc_free(manifest->doc);
        free(manifest);
}

static int refuse(struct error *err, const char *why)
{
        return error_set(err, &ERROR_POD_MANIFEST, -EBADMSG, "`" POD_MANIFEST_NAME "`: %s", why);
}

static bool take(char **text, yyjson_val *object, const char *member)
{
        *text = strdup(json_text_or(object, member, ""));
        return *text != NULL;
}

static int part_parse(yyjson_val *object, struct pod_part *part, struct error *err)
{
        const char *file = json_text_or(object, "file", "");

        part->size = json_uint_or(object, "size", 0);
        part->freeze_us = json_uint_or(object, "freezeUs", 0);
        part->frozen_us = json_uint_or(object, "frozenUs", 0);
        if (!take(&part->container, object, "container") ||
            !take(&part->container_id, object, "containerId") ||
            !take(&part->container_name, object, "containerName") || !take(&part->image, object, "image") ||
            !take(&part->checkpoint, object, "checkpoint") || !take(&part->file, object, "file"))
                return error_oom(err);
        if (!*file || strchr(file, '/') || file[0] == '.')
                return refuse(err, "a part has no file of this directory");
        if (!sha256_parse(json_text_or(object, "digest", ""), &part->digest))
                return refuse(err, "a part has no digest");
        return 0;
}

static int parts_parse(yyjson_val *parts, struct pod_manifest *manifest, struct error *err)
{
        yyjson_val *object;
        size_t index, count = yyjson_arr_size(parts);
        int r;

        if (count == 0 || count > POD_PARTS_MOST)
                return refuse(err, "it must have between 1 and 256 parts");
        manifest->parts = calloc(count, sizeof(*manifest->parts));
        if (!manifest->parts)
                return error_oom(err);
        yyjson_arr_foreach (parts, index, count, object) {
                r = part_parse(object, &manifest->parts[manifest->count++], err);
                for (size_t i = 0; r == 0 && i < index; i++)
                        if (strcmp(manifest->parts[i].file, manifest->parts[index].file) == 0)
                                r = refuse(err, "two parts have the same file");
                if (r < 0)
                        return r;
        }
        return 0;
}

int pod_manifest_parse(struct slice text, const char *directory, struct pod_manifest **out, struct error *err)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = calloc(1, sizeof(*manifest));
        yyjson_val *root, *pod;
        int r;

        if (!manifest)
                return error_oom(err);
        r = json_parse(text, POD_MANIFEST_NAME, &manifest->doc, err);
        if (r < 0)
                return r;
        root = yyjson_doc_get_root(manifest->doc);
        pod = yyjson_obj_get(root, "pod");
        if (json_uint_or(root, "version", 0) != MANIFEST_VERSION)
                return refuse(err, "it has another version than 1");
        manifest->directory = strdup(directory);
        manifest->spread_us = json_uint_or(root, "freezeSpreadUs", 0);
        if (!manifest->directory || !take(&manifest->id, root, "id") ||
            !take(&manifest->created, root, "createdAt") || !take(&manifest->engine, root, "engine") ||
            !take(&manifest->name, pod, "name") || !take(&manifest->namespace, pod, "namespace") ||
            !take(&manifest->uid, pod, "uid"))
                return error_oom(err);
        if (!*manifest->name)
                return refuse(err, "it does not say which pod it is of");
        r = parts_parse(yyjson_obj_get(root, "parts"), manifest, err);
        if (r == 0)
                *out = steal_ptr(manifest);
        return r;
}

int pod_manifest_load(const char *path, struct pod_manifest **out, struct error *err)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_close_ int dir = -1;
        int r;

        if (strcmp(slash ? slash + 1 : path, POD_MANIFEST_NAME) != 0)
                directory = strdup(path);
        else
                directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
        if (!directory)
                return error_oom(err);
        dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return error_errno(err, errno, "open `%s`", directory);
        r = file_read(dir, POD_MANIFEST_NAME, JSON_LIMIT, &text, err);
        if (r == 0)
                r = pod_manifest_parse(buffer_slice(&text), directory, out, err);
        return r < 0 ? error_wrap(err, r, "`%s`", path) : 0;
}

static bool part_write(const struct pod_part *part, yyjson_mut_doc *doc, yyjson_mut_val *parts)
{
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, parts);
        char digest[sizeof("sha256:") + SHA256_HEX_SIZE] = "sha256:";

        sha256_hex(&part->digest, digest + strlen(digest));
        return object && yyjson_mut_obj_add_str(doc, object, "container", part->container) &&
               yyjson_mut_obj_add_str(doc, object, "containerId", part->container_id) &&
               yyjson_mut_obj_add_str(doc, object, "containerName", part->container_name) &&
               yyjson_mut_obj_add_str(doc, object, "image", part->image) &&
               yyjson_mut_obj_add_str(doc, object, "checkpoint", part->checkpoint) &&
               yyjson_mut_obj_add_str(doc, object, "file", part->file) &&
               yyjson_mut_obj_add_uint(doc, object, "size", part->size) &&
               yyjson_mut_obj_add_strcpy(doc, object, "digest", digest) &&
               yyjson_mut_obj_add_uint(doc, object, "freezeUs", part->freeze_us) &&
               yyjson_mut_obj_add_uint(doc, object, "frozenUs", part->frozen_us);
}

int pod_manifest_write(const struct pod_manifest *manifest, yyjson_mut_doc *doc, yyjson_mut_val *network,
                       yyjson_mut_val *spec, struct buffer *out, struct error *err)
{
        yyjson_mut_val *root = yyjson_mut_obj(doc), *tool, *pod, *parts;
        bool fine;

        yyjson_mut_doc_set_root(doc, root);
        fine = yyjson_mut_obj_add_uint(doc, root, "version", MANIFEST_VERSION) &&
               yyjson_mut_obj_add_str(doc, root, "id", manifest->id) &&
               (tool = yyjson_mut_obj_add_obj(doc, root, "tool")) != NULL &&
               yyjson_mut_obj_add_str(doc, tool, "name", "snap") &&
               yyjson_mut_obj_add_str(doc, tool, "version", SNAP_VERSION) &&
               yyjson_mut_obj_add_str(doc, root, "createdAt", manifest->created) &&
               yyjson_mut_obj_add_str(doc, root, "engine", manifest->engine) &&
               (pod = yyjson_mut_obj_add_obj(doc, root, "pod")) != NULL &&
               yyjson_mut_obj_add_str(doc, pod, "namespace", manifest->namespace) &&
               yyjson_mut_obj_add_str(doc, pod, "name", manifest->name) &&
               yyjson_mut_obj_add_str(doc, pod, "uid", manifest->uid) &&
               yyjson_mut_obj_add_uint(doc, root, "freezeSpreadUs", manifest->spread_us) &&
               (parts = yyjson_mut_obj_add_arr(doc, root, "parts")) != NULL;
        for (size_t i = 0; fine && i < manifest->count; i++)
                fine = part_write(&manifest->parts[i], doc, parts);
        if (fine && network)
                fine = yyjson_mut_obj_add_val(doc, root, "network", network);
        if (fine && spec)
                fine = yyjson_mut_obj_add_val(doc, root, "spec", spec);
        return fine ? json_write(doc, true, out, err) : error_oom(err);
}

int pod_part_path(const struct pod_manifest *manifest, const struct pod_part *part, char **out,
                  struct error *err)
{
        size_t length = strlen(manifest->directory);
        bool ends = length && manifest->directory[length - 1] == '/';

        if (asprintf(out, "%s%s%s", manifest->directory, ends ? "" : "/", part->file) < 0) {
                *out = NULL;
                return error_oom(err);
        }
        return 0;
}

/* SHA-256 and size of a whole file. */
static int measure(int fd, const char *path, const struct progress *progress, struct sha256 *digest,
                   uint64_t *size, struct error *err)
{
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        _cleanup_free_ uint8_t *block = malloc(MEASURE_BLOCK);
        ssize_t n = 1;
        int r;

        *size = 0;
        if (!block)
                return error_oom(err);
        r = sha256_new(&stream, err);
        while (r == 0 && n > 0) {
                n = file_pread_full(fd, block, MEASURE_BLOCK, *size);
                if (n < 0)
                        return error_errno(err, (int)-n, "read `%s`", path);
                if (sha256_update(stream, block, (size_t)n) < 0)
                        return error_oom(err);
                *size += (uint64_t)n;
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        return r == 0 && sha256_finish(stream, digest) < 0 ? error_oom(err) : r;
}

int pod_part_open(const struct pod_manifest *manifest, const struct pod_part *part, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        int r = pod_part_path(manifest, part, &path, err);

        if (r < 0)
                return r;
        /* O_NONBLOCK: a FIFO of that name must not make us wait. */
        r = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        return r < 0 ? error_errno(err, errno, "open `%s`", path) : r;
}

int pod_part_verify(const struct pod_manifest *manifest, const struct pod_part *part, int fd,
                    const struct progress *progress, struct verify_report *out, struct error *err)
{
        struct verify verify = {.progress = progress, .report = out};
        _cleanup_free_ char *path = NULL;
        struct sha256 digest;
        uint64_t size;
        int r = pod_part_path(manifest, part, &path, err);

        if (r == 0)
                r = archive_verify_file(fd, path, progress, out, err);
        if (r == 0)
                r = measure(fd, path, progress, &digest, &size, err);
        if (r == 0 && (size != part->size || !sha256_equal(&digest, &part->digest)) &&
            verify_fault(&verify, &ERROR_ARCHIVE_DIGEST, part->file,
                         "it is not the archive that `" POD_MANIFEST_NAME "` names") < 0)
                return error_oom(err);
        return r;
}
