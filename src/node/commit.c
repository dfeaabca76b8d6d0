/* SPDX-License-Identifier: Apache-2.0 */
/* A verified archive gets its name and its record. */
#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "node/node_private.h"

#define NAMES_MOST 1000 /* that may be taken already */
#define HASH_BLOCK MIB

/* At most `limit` characters that a file name may have. */
static int append_name(struct buffer *out, const char *text, size_t limit)
{
        int r = 0;

        for (size_t i = 0; r == 0 && text[i] && i < limit; i++) {
                char c = text[i];
                bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                            c == '.' || c == '-' || c == '_';

                r = buffer_append(out, fine ? &c : "_", 1);
        }
        return r;
}

/* "checkpoint-POD_NAMESPACE-CONTAINER-": short enough for the time after it, whatever the names. */
static int append_prefix(struct buffer *out, const char *namespace, const char *pod, const char *container)
{
        int r = buffer_append_text(out, "checkpoint-");

        if (r == 0)
                r = append_name(out, pod, 90);
        if (r == 0)
                r = buffer_append_text(out, "_");
        if (r == 0)
                r = append_name(out, namespace, 63);
        if (r == 0)
                r = buffer_append_text(out, "-");
        if (r == 0)
                r = append_name(out, container, 50);
        return r < 0 ? r : buffer_append_text(out, "-");
}

/* A kubelet writes its archives over what has their names, whose times are whole seconds, and may have the
 * same directory: beside one, ours are never whole. */
static int64_t first_time(const struct node *node, int64_t created_ns)
{
        int64_t fraction = created_ns % 1000000000;

        for (size_t i = 0; node->drivers[i]; i++)
                if (node->drivers[i]->checkpoint)
                        return fraction ? created_ns : created_ns + 1;
        return created_ns - fraction;
}

int node_archive_path(struct node *node, const char *namespace, const char *pod, const char *container,
                      int64_t created_ns, char **out, struct error *err)
{
        _cleanup_buffer_ struct buffer path = {0};
        int64_t ns = first_time(node, created_ns), first = ns;
        size_t prefix;
        int r = buffer_printf(&path, "%s/", node->options.directory);

        if (r == 0)
                r = append_prefix(&path, namespace, pod, container);
        prefix = path.size;
        for (int i = 0; r == 0 && i < NAMES_MOST; i++) {
                char time[RFC3339_SIZE];

                path.size = prefix;
                r = buffer_printf(&path, "%s.tar", rfc3339_format(ns, time));
                if (r < 0)
                        break;
                if (faccessat(AT_FDCWD, buffer_text(&path), F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                        *out = strdup(buffer_text(&path));
                        return *out ? 0 : error_oom(err);
                }
                ns = i == 0 && created_ns > first ? created_ns : ns + 1;
        }
        return r < 0 ? error_oom(err)
                     : error_set(err, &ERROR_EXISTS, -EEXIST, "no name is free for `%s`", buffer_text(&path));
}

int archive_measure(const char *path, const struct progress *progress, uint64_t *size, struct sha256 *digest,
                    struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        _cleanup_free_ uint8_t *block = malloc(HASH_BLOCK);
        struct stat st;
        ssize_t n = 1;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(err, errno, "open `%s`", path);
        if (!block)
                return error_oom(err);
        r = sha256_new(&stream, err);
        for (*size = 0; r == 0 && n > 0; *size += (uint64_t)n) {
                n = file_read_full(fd, block, HASH_BLOCK);
                if (n < 0)
                        return error_errno(err, (int)-n, "read `%s`", path);
                if (sha256_update(stream, block, (size_t)n) < 0)
                        return error_oom(err);
                progress_step(progress, "digest", *size, (uint64_t)st.st_size);
                if (progress_cancelled(progress))
                        return error_set(err, &ERROR_CANCELLED, -ECANCELED, "cancelled");
        }
        return r == 0 && sha256_finish(stream, digest) < 0 ? error_oom(err) : r;
}

int checkpoint_set_digest(struct checkpoint *checkpoint, const struct sha256 *digest, struct error *err)
{
        char text[sizeof("sha256:") + SHA256_HEX_SIZE] = "sha256:";

        sha256_hex(digest, text + strlen(text));
        return text_set(&checkpoint->digest, text) < 0 ? error_oom(err) : 0;
}

/* From one name to the other, which must be free; on the disk when it returns. */
static int archive_rename(struct node *node, const char *from, const char *to, struct error *err)
{
        _cleanup_close_ int fd = open(node->options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(err, errno, "open `%s`", node->options.directory);
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
                return errno == EEXIST ? -EEXIST : error_errno(err, errno, "rename `%s` to `%s`", from, to);
        return fsync(fd) < 0 ? error_errno(err, errno, "write `%s` to disk", node->options.directory) : 0;
}

static int archive_name(struct node *node, const char *temporary, struct checkpoint *checkpoint,
                        struct error *err)
{
        int r;

        do {
                char *path = NULL;

                r = node_archive_path(node, checkpoint->namespace, checkpoint->pod, checkpoint->container,
                                      checkpoint->created_ns, &path, err);
                if (r < 0)
                        return r;
                free(checkpoint->path);
                checkpoint->path = path;
                r = archive_rename(node, temporary, path, err);
        } while (r == -EEXIST);
        return r;
}

int node_commit_archive(struct node *node, const char *temporary, struct checkpoint *checkpoint,
                        struct error *err)
{
        int r = 0;

        if (!*checkpoint->digest) {
                struct sha256 digest;

                r = archive_measure(temporary, NULL, &checkpoint->size, &digest, err);
                if (r == 0)
                        r = checkpoint_set_digest(checkpoint, &digest, err);
        }
        if (r == 0 && text_set(&checkpoint->state, "completed") < 0)
                r = error_oom(err);
        if (r == 0)
                r = archive_name(node, temporary, checkpoint, err);
        if (r < 0)
                return r;
        pthread_mutex_lock(&node->records);
        r = catalog_put_checkpoint(node->catalog, checkpoint, err);
        pthread_mutex_unlock(&node->records);
        /* What is not recorded must not look finished. */
        if (r < 0)
                (void)archive_rename(node, checkpoint->path, temporary, NULL);
        return r;
}

/* Is this what was about to be recorded? */
static bool is_that(struct node *node, const char *path, const struct checkpoint *checkpoint)
{
        _cleanup_checkpoint_ struct checkpoint *other = NULL;
        char hex[SHA256_HEX_SIZE];
        struct sha256 digest;
        struct stat st;
        uint64_t size;

        return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == checkpoint->size &&
               catalog_find_path(node->catalog, path, &other, NULL) == -ENOENT &&
               archive_measure(path, NULL, &size, &digest, NULL) == 0 &&
               text_ends_with(checkpoint->digest, sha256_hex(&digest, hex));
}

/* It had its name, but no record yet. */
static int find_unrecorded(struct node *node, struct checkpoint *checkpoint, struct error *err)
{
        _cleanup_closedir_ DIR *dir = opendir(node->options.directory);

        for (struct dirent *item; dir && (item = readdir(dir));) {
                _cleanup_free_ char *path = NULL;

                if (item->d_name[0] == '.')
                        continue;
                if (asprintf(&path, "%s/%s", node->options.directory, item->d_name) < 0) {
                        path = NULL;
                        return error_oom(err);
                }
                if (is_that(node, path, checkpoint)) {
                        free(checkpoint->path);
                        checkpoint->path = steal_ptr(path);
                        return catalog_put_checkpoint(node->catalog, checkpoint, err);
                }
        }
        return error_set(err, &ERROR_KILLED, -ENOENT, "the archive is not there any more");
}

int node_recover_archive(struct node *node, const char *temporary, struct checkpoint *checkpoint,
                         struct error *err)
{
        _cleanup_checkpoint_ struct checkpoint *recorded = NULL;

        if (catalog_get_checkpoint(node->catalog, checkpoint->id, &recorded, NULL) == 0)
                return text_set(&checkpoint->path, recorded->path) < 0 ? error_oom(err) : 0;
        if (access(temporary, F_OK) == 0)
                return node_commit_archive(node, temporary, checkpoint, err);
        if (text_set(&checkpoint->state, "completed") < 0)
                return error_oom(err);
        return find_unrecorded(node, checkpoint, err);
}
