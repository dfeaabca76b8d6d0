/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include "oci/registry_store_private.h"

#define READ_SIZE (1 * MIB)

static int unknown(const char *name, const struct sha256 *digest, struct error *err)
{
        char hex[SHA256_HEX_SIZE];

        return error_set(err, &ERROR_STORE_BLOB_UNKNOWN, -ENOENT, "`%s` has no blob sha256:%s", name,
                         sha256_hex(digest, hex));
}

/* --- what is verified
 * --------------------------------------------------------------------------------------- */

static struct store_stamp *slot_of(struct registry_store *store, const struct sha256 *digest)
{
        return &store->stamps[(digest->bytes[0] << 8 | digest->bytes[1]) % STORE_STAMPS];
}

static struct store_stamp stamp_of(const struct sha256 *digest, const struct stat *st)
{
        return (struct store_stamp){*digest, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

void store_stamp_set(struct registry_store *store, const struct sha256 *digest, const struct stat *st)
{
        pthread_mutex_lock(&store->lock);
        *slot_of(store, digest) = stamp_of(digest, st);
        pthread_mutex_unlock(&store->lock);
}

static bool is_verified(struct registry_store *store, const struct sha256 *digest, const struct stat *st)
{
        struct store_stamp now = stamp_of(digest, st), known;

        pthread_mutex_lock(&store->lock);
        known = *slot_of(store, digest);
        pthread_mutex_unlock(&store->lock);
        return sha256_equal(&known.digest, &now.digest) && known.inode == now.inode &&
               known.size == now.size && is_same_time(&known.modified, &now.modified) &&
               is_same_time(&known.changed, &now.changed);
}

/* Moves it where nobody serves it, unless another has taken its place already. Who asks may hold the lock:
 * what cannot be moved now is refused all the same, and moved another time. */
static void set_aside(struct registry_store *store, const struct sha256 *digest, const struct stat *bad)
{
        _cleanup_close_ int lock = store_lock(store, STORE_ALONE_AT_ONCE, NULL);
        _cleanup_close_ int damaged = store_directory(store, STORE_DAMAGED, NULL);
        char path[STORE_PATH_SIZE], hex[SHA256_HEX_SIZE];
        struct stat st;

        store_blob_path(path, digest);
        if (lock >= 0 && damaged >= 0 && fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ino == bad->st_ino)
                renameat(store->root, path, damaged, sha256_hex(digest, hex));
}

void store_blob_found(struct registry_store *store, const struct sha256 *digest,
                      const struct store_blob *blob, const struct sha256 *actual)
{
        struct stat st;

        if (fstat(blob->fd, &st) < 0)
                return;
        if (sha256_equal(digest, actual))
                store_stamp_set(store, digest, &st);
        else
                set_aside(store, digest, &st);
}

static int hash_file(int fd, struct sha256 *out, struct error *err)
{
        _cleanup_sha256_ struct sha256_stream *hash = NULL;
        _cleanup_free_ uint8_t *data = malloc(READ_SIZE);
        int ret = data ? sha256_new(&hash, err) : error_oom(err);
        ssize_t n = 1;

        for (uint64_t offset = 0; ret == 0 && n > 0; offset += (uint64_t)n) {
                n = file_pread_full(fd, data, READ_SIZE, offset);
                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read a blob");
                ret = sha256_update(hash, data, (size_t)n);
        }
        return ret < 0 ? ret : sha256_finish(hash, out);
}

static int verify_locked(struct registry_store *store, const struct sha256 *digest,
                         const struct store_blob *blob, struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        struct sha256 actual;
        struct stat st;
        int ret;

        if (fstat(blob->fd, &st) < 0)
                return error_errno(err, errno, "cannot read a blob");
        if (is_verified(store, digest, &st))
                return 0;
        ret = hash_file(blob->fd, &actual, err);
        if (ret < 0)
                return ret;
        store_blob_found(store, digest, blob, &actual);
        if (!sha256_equal(digest, &actual))
                return error_set(err, &ERROR_IMAGE_DIGEST, -EBADMSG,
                                 "the stored blob sha256:%s is damaged; it was moved aside",
                                 sha256_hex(digest, hex));
        return 0;
}

int store_blob_verify(struct registry_store *store, const struct sha256 *digest,
                      const struct store_blob *blob, struct error *err)
{
        pthread_mutex_t *stripe = &store->verifying[digest->bytes[0] % STORE_STRIPES];
        int ret;

        if (blob->verified)
                return 0;
        pthread_mutex_lock(stripe);
        ret = verify_locked(store, digest, blob, err);
        pthread_mutex_unlock(stripe);
        return ret;
}

/* --- links and contents
 * ------------------------------------------------------------------------------------- */

int store_blob_link(const struct registry_store *store, const char *name, const struct sha256 *digest,
                    struct error *err)
{
        char path[STORE_PATH_SIZE], hex[SHA256_HEX_SIZE];
        _cleanup_close_ int directory = -1, fd = -1;

        store_path(path, STORE_REPOS "/%s/_blobs", name);
        directory = store_directory(store, path, err);
        if (directory < 0)
                return directory;
        fd = openat(directory, sha256_hex(digest, hex), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 || futimens(fd, NULL) < 0 || fsync(fd) < 0 || fsync(directory) < 0)
                return error_errno(err, errno, "cannot write `%s/%s`", store->path, path);
        return 0;
}

int store_blob_touch(const struct registry_store *store, const char *name, const struct sha256 *digest,
                     struct error *err)
{
        char path[STORE_PATH_SIZE];
        _cleanup_close_ int fd = -1;

        store_link_path(path, name, "_blobs", digest);
        fd = file_open_beneath(store->root, path, O_WRONLY, 0);
        if (fd == -ENOENT)
                return unknown(name, digest, err);
        if (fd < 0 || futimens(fd, NULL) < 0)
                return error_errno(err, fd < 0 ? -fd : errno, "cannot write `%s/%s`", store->path, path);
        return 0;
}

static int open_contents(struct registry_store *store, const struct sha256 *digest, struct store_blob *out)
{
        char path[STORE_PATH_SIZE];
        struct stat st;

        store_blob_path(path, digest);
        out->fd = file_open_beneath(store->root, path, O_RDONLY, 0);
        if (out->fd < 0)
                return out->fd;
        if (fstat(out->fd, &st) < 0) {
                close(out->fd);
                return -EIO;
        }
        out->size = (uint64_t)st.st_size;
        out->verified = is_verified(store, digest, &st);
        return 0;
}

int store_blob_open(struct registry_store *store, const char *name, const struct sha256 *digest,
                    struct store_blob *out, struct error *err)
{
        _cleanup_close_ int lock = -1;
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        lock = store_lock(store, STORE_SHARED, err);
        if (lock < 0)
                return lock;
        ret = store_blob_touch(store, name, digest, err);
        if (ret < 0)
                return ret;
        ret = open_contents(store, digest, out);
        if (ret == -ENOENT)
                return unknown(name, digest, err);
        return ret < 0 ? error_errno(err, -ret, "cannot open a blob of `%s`", name) : 0;
}

bool store_blob_mount(struct registry_store *store, const char *name, const char *from,
                      const struct sha256 *digest)
{
        _cleanup_close_ int lock = -1;
        char path[STORE_PATH_SIZE];

        if (!store_name_is_valid(name) || !store_name_is_valid(from))
                return false;
        lock = store_lock(store, STORE_SHARED, NULL);
        store_blob_path(path, digest);
        return lock >= 0 && store_blob_touch(store, from, digest, NULL) == 0 && store_exists(store, path) &&
               store_blob_link(store, name, digest, NULL) == 0;
}

int store_blob_delete(struct registry_store *store, const char *name, const struct sha256 *digest,
                      struct error *err)
{
        char path[STORE_PATH_SIZE];
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        store_link_path(path, name, "_blobs", digest);
        ret = store_remove(store, path, err);
        return ret == -ENOENT ? unknown(name, digest, err) : ret;
}

int store_blob_read(struct registry_store *store, const struct sha256 *digest, uint64_t limit,
                    struct buffer *out, struct error *err)
{
        struct store_blob blob = {.fd = -1};
        int ret = open_contents(store, digest, &blob);
        _cleanup_close_ int fd = ret < 0 ? -1 : blob.fd;
        ssize_t n;

        if (ret < 0 || blob.size > limit)
                return error_errno(err, ret < 0 ? -ret : EFBIG, "cannot read a blob");
        ret = store_blob_verify(store, digest, &blob, err);
        if (ret < 0)
                return ret;
        if (buffer_reserve(out, blob.size) < 0)
                return error_oom(err);
        n = file_pread_full(fd, out->data + out->size, blob.size, 0);
        if (n != (ssize_t)blob.size)
                return error_errno(err, n < 0 ? (int)-n : EIO, "cannot read a blob");
        out->size += blob.size;
        return 0;
}
