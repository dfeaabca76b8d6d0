/* SPDX-License-Identifier: Apache-2.0 */
/* Records of checkpoints, and their archives where they lie. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "archive/pod_manifest.h"
#include "base/file.h"
#include "node/node_private.h"

#define QUARANTINE "quarantine"

int checkpoint_key(const char *id, struct buffer *out, struct error *err)
{
        if (buffer_printf(out, "checkpoint:%s", id) < 0 || buffer_append(out, "", 1) < 0)
                return error_oom(err);
        return 0;
}

int checkpoint_change(struct node *node, const char *id, checkpoint_changer change, void *context,
                      struct checkpoint **out, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        int r;

        pthread_mutex_lock(&node->records);
        r = catalog_get_checkpoint(node->catalog, id, &checkpoint, err);
        if (r == 0)
                r = change(context, checkpoint, err);
        if (r == 0)
                r = catalog_put_checkpoint(node->catalog, checkpoint, err);
        pthread_mutex_unlock(&node->records);
        if (r == 0 && out)
                *out = steal_ptr(checkpoint);
        return r;
}

static int set_pinned(void *context, struct checkpoint *checkpoint, struct error *err)
{
        const bool *pinned = context;

        checkpoint->pinned = *pinned;
        return 0;
}

int node_pin_checkpoint(struct node *node, const char *id, bool pinned, struct error *err)
{
        return checkpoint_change(node, id, set_pinned, &pinned, NULL, err);
}

static int directory_sync(const char *path, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return error_errno(err, errno, "write the directory `%s` to disk", path);
        return 0;
}

/* The last archive of a pod takes the manifest with it. */
static void tidy_pod(const struct checkpoint *checkpoint)
{
        const char *slash = strrchr(checkpoint->path, '/');
        _cleanup_free_ char *directory = NULL;
        _cleanup_closedir_ DIR *dir = NULL;
        bool others = false;

        if (!*checkpoint->group || !slash)
                return;
        directory = strndup(checkpoint->path, (size_t)(slash - checkpoint->path));
        dir = directory ? opendir(directory) : NULL;
        for (struct dirent *item; dir && (item = readdir(dir));)
                others |= strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0 &&
                          strcmp(item->d_name, POD_MANIFEST_NAME) != 0;
        if (dir && !others && faccessat(dirfd(dir), POD_MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                (void)unlinkat(dirfd(dir), POD_MANIFEST_NAME, 0);
                (void)rmdir(directory);
        }
}

/* The file first: a record without a file is dropped at the next start, a file without a record would come
 * back. */
static int remove_unpinned(struct node *node, const struct checkpoint *checkpoint, struct error *err)
{
        int r;

        if (checkpoint->pinned)
                return error_set(err, &ERROR_PINNED, -EPERM, "the checkpoint `%s` is pinned", checkpoint->id);
        if (unlink(checkpoint->path) < 0 && errno != ENOENT)
                return error_errno(err, errno, "remove `%s`", checkpoint->path);
        tidy_pod(checkpoint);
        r = directory_sync(node->options.directory, err);
        return r < 0 ? r : catalog_remove_checkpoint(node->catalog, checkpoint->id, err);
}

int node_delete_checkpoint(struct node *node, const char *id, struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_buffer_ struct buffer key = {0};
        bool used;
        int r = checkpoint_key(id, &key, err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&node->lock);
        used = queue_uses(node, buffer_text(&key));
        pthread_mutex_unlock(&node->lock);
        if (used)
                return error_set(err, &ERROR_BUSY, -EBUSY, "an operation uses the checkpoint `%s`", id);
        pthread_mutex_lock(&node->records);
        r = catalog_get_checkpoint(node->catalog, id, &checkpoint, err);
        if (r == 0)
                r = remove_unpinned(node, checkpoint, err);
        pthread_mutex_unlock(&node->records);
        return r;
}

/* The id keeps names apart, whatever lies there. */
static int quarantine_path(const char *directory, const char *path, char **out, struct error *err)
{
        const char *slash = strrchr(path, '/');
        char id[UNIQUE_ID_SIZE];

        if (asprintf(out, "%s/%s.%.200s", directory, unique_id(id), slash ? slash + 1 : path) < 0) {
                *out = NULL;
                return error_oom(err);
        }
        return 0;
}

int checkpoint_quarantine(struct node *node, struct checkpoint *checkpoint, const char *reason,
                          struct error *err)
{
        _cleanup_free_ char *directory = NULL, *target = NULL;
        int r;

        if (asprintf(&directory, "%s/" QUARANTINE, node->options.directory) < 0) {
                directory = NULL;
                return error_oom(err);
        }
        r = file_mkdir_all(directory, 0700, err);
        if (r == 0)
                r = quarantine_path(directory, checkpoint->path, &target, err);
        if (r < 0)
                return r;
        if (text_set(&checkpoint->state, "quarantined") < 0 || text_set(&checkpoint->reason, reason) < 0)
                return error_oom(err);
        if (renameat2(AT_FDCWD, checkpoint->path, AT_FDCWD, target, RENAME_NOREPLACE) < 0)
                return error_errno(err, errno, "move `%s` to `%s`", checkpoint->path, target);
        free(checkpoint->path);
        checkpoint->path = steal_ptr(target);
        r = directory_sync(directory, err);
        return r < 0 ? r : directory_sync(node->options.directory, err);
}

int checkpoint_set_result(struct job *job, const struct checkpoint *checkpoint, struct error *err)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
        yyjson_mut_val *value = root ? checkpoint_json(checkpoint, doc) : NULL;

        if (!value || !yyjson_mut_obj_add_val(doc, root, "checkpoint", value))
                return error_oom(err);
        yyjson_mut_doc_set_root(doc, root);
        return job_set_result(job, doc, err);
}

static int64_t began_ns(const struct checkpoint_result *result)
{
        return clock_realtime_ns() - (int64_t)result->times.total_us * 1000;
}

int checkpoint_describe(struct node *node, const struct container *container,
                        const struct checkpoint_result *result, const char *archive, struct checkpoint **out,
                        struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        struct sha256 digest = result->digest;
        int r = checkpoint_new(&checkpoint, err);

        if (r < 0)
                return r;
        if (text_set(&checkpoint->id, result->id) < 0 || text_set(&checkpoint->source, "checkpoint") < 0 ||
            text_set(&checkpoint->namespace, container->pod_namespace) < 0 ||
            text_set(&checkpoint->pod, container->pod) < 0 ||
            text_set(&checkpoint->pod_uid, container->pod_uid) < 0 ||
            text_set(&checkpoint->container, container->pod_container) < 0 ||
            text_set(&checkpoint->container_id, container->id) < 0 ||
            text_set(&checkpoint->image, container->image) < 0 ||
            text_set(&checkpoint->node, node->options.name) < 0 ||
            text_set(&checkpoint->engine, container->engine) < 0)
                return error_oom(err);
        checkpoint->size = result->times.archive_size;
        checkpoint->frozen_us = result->times.frozen_us;
        checkpoint->duration_us = result->times.total_us;
        checkpoint->created_ns = began_ns(result);
        checkpoint->verified_ns = clock_realtime_ns();
        if (!result->has_digest)
                r = archive_measure(archive, NULL, &checkpoint->size, &digest, err);
        if (r == 0)
                r = checkpoint_set_digest(checkpoint, &digest, err);
        if (r == 0)
                *out = steal_ptr(checkpoint);
        return r;
}
