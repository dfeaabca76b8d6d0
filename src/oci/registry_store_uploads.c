/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include "base/hash_thread.h"
#include "oci/registry_store_private.h"

/* The disk starts on what was written when so much has gathered, so that the fsync at the end finds little.
 */
#define FLUSH_SIZE (16 * MIB)
/* Smaller bodies are hashed in passing; more threads at once than this would only take memory. */
#define HASH_THREAD_SIZE (1 * MIB)
#define HASH_THREADS     16
#define READ_SIZE        (1 * MIB)

struct store_upload {
        struct registry_store *store;
        char *name;
        char id[UNIQUE_ID_SIZE];
        char path[STORE_PATH_SIZE];
        int fd;
        uint64_t start, size, flushed; /* when it was opened; now */
        struct sha256_stream *hash;
        uint64_t hashed; /* bytes from the beginning that `hash` has seen or `thread` will show it */
        struct hash_thread *thread;
};

/* --- hash states
 * --------------------------------------------------------------------------------------------- */

/* That of the last opening, when this process still has it and nobody else has written since. */
static int take_state(struct store_upload *upload, struct error *err)
{
        struct registry_store *store = upload->store;

        pthread_mutex_lock(&store->lock);
        for (size_t i = 0; i < STORE_STATES; i++) {
                struct store_state *state = &store->states[i];

                if (!state->hash || strcmp(state->id, upload->id) != 0)
                        continue;
                if (state->hashed <= upload->size) {
                        upload->hash = state->hash;
                        upload->hashed = state->hashed;
                } else {
                        sha256_free(state->hash);
                }
                *state = (struct store_state){0};
        }
        pthread_mutex_unlock(&store->lock);
        return upload->hash ? 0 : sha256_new(&upload->hash, err);
}

static void keep_state(struct store_upload *upload)
{
        struct registry_store *store = upload->store;
        struct store_state *state;

        pthread_mutex_lock(&store->lock);
        state = &store->states[store->next_state++ % STORE_STATES];
        sha256_free(state->hash);
        memcpy(state->id, upload->id, sizeof(state->id));
        state->hashed = upload->hashed;
        state->hash = steal_ptr(upload->hash);
        pthread_mutex_unlock(&store->lock);
}

/* --- opening and closing
 * ------------------------------------------------------------------------------------- */

static bool is_id(const char *id)
{
        return strlen(id) == UNIQUE_ID_SIZE - 1 &&
               strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == UNIQUE_ID_SIZE - 1;
}

int store_upload_begin(struct registry_store *store, const char *name, char id[UNIQUE_ID_SIZE],
                       struct error *err)
{
        _cleanup_close_ int directory = -1, fd = -1;
        char path[STORE_PATH_SIZE];
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        store_path(path, STORE_REPOS "/%s/_uploads", name);
        directory = store_directory(store, path, err);
        if (directory < 0)
                return directory;
        fd = openat(directory, unique_id(id), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 || fsync(directory) < 0)
                return error_errno(err, errno, "cannot write `%s/%s`", store->path, path);
        return 0;
}

static int open_file(struct store_upload *upload, struct error *err)
{
        struct stat st;

        upload->fd = file_open_beneath(upload->store->root, upload->path, O_RDWR, 0);
        if (upload->fd == -ENOENT)
                return error_set(err, &ERROR_STORE_UPLOAD_UNKNOWN, -ENOENT, "`%s` has no upload %s",
                                 upload->name, upload->id);
        if (upload->fd < 0)
                return error_errno(err, -upload->fd, "open `%s`", upload->path);
        if (flock(upload->fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(err, &ERROR_BUSY, -EBUSY, "another request is at the upload %s", upload->id);
        if (fstat(upload->fd, &st) < 0)
                return error_errno(err, errno, "open `%s`", upload->path);
        /* Committed or collected between our opening and locking it. */
        if (!st.st_nlink || !store_exists(upload->store, upload->path))
                return error_set(err, &ERROR_STORE_UPLOAD_UNKNOWN, -ENOENT, "the upload %s has ended",
                                 upload->id);
        upload->start = upload->size = upload->flushed = (uint64_t)st.st_size;
        return 0;
}

int store_upload_open(struct registry_store *store, const char *name, const char *id,
                      struct store_upload **out, struct error *err)
{
        _cleanup_store_upload_ struct store_upload *upload = NULL;
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        if (!is_id(id))
                return error_set(err, &ERROR_STORE_UPLOAD_UNKNOWN, -ENOENT, "`%.100s` is no upload of `%s`",
                                 id, name);
        upload = calloc(1, sizeof(*upload));
        if (!upload)
                return error_oom(err);
        upload->store = store;
        upload->fd = -1;
        upload->name = strdup(name);
        if (!upload->name)
                return error_oom(err);
        memcpy(upload->id, id, sizeof(upload->id));
        store_path(upload->path, STORE_REPOS "/%s/_uploads/%s", name, id);
        ret = open_file(upload, err);
        if (ret == 0)
                ret = take_state(upload, err);
        if (ret == 0)
                *out = steal_ptr(upload);
        return ret;
}

uint64_t store_upload_size(const struct store_upload *upload)
{
        return upload->size;
}

int store_upload_fd(const struct store_upload *upload)
{
        return upload->fd;
}

static void end_thread(struct store_upload *upload)
{
        if (!upload->thread)
                return;
        if (hash_thread_free(steal_ptr(upload->thread)) < 0) {
                sha256_free(steal_ptr(upload->hash));
                upload->hashed = 0;
        }
        pthread_mutex_lock(&upload->store->lock);
        upload->store->hash_threads--;
        pthread_mutex_unlock(&upload->store->lock);
}

void store_upload_close(struct store_upload *upload)
{
        if (!upload)
                return;
        end_thread(upload);
        if (upload->hash && upload->hashed)
                keep_state(upload);
        sha256_free(upload->hash);
        if (upload->fd >= 0)
                close(upload->fd);
        free(upload->name);
        free(upload);
}

int store_upload_delete(struct store_upload *upload, struct error *err)
{
        int ret = store_remove(upload->store, upload->path, err);

        end_thread(upload);
        upload->hashed = 0; /* nothing to be kept */
        return ret == -ENOENT ? 0 : ret;
}

/* --- bytes
 * --------------------------------------------------------------------------------------------------- */

static void start_thread(struct store_upload *upload)
{
        struct registry_store *store = upload->store;
        bool may;

        pthread_mutex_lock(&store->lock);
        may = store->hash_threads < HASH_THREADS;
        store->hash_threads += may;
        pthread_mutex_unlock(&store->lock);
        if (!may)
                return;
        if (hash_thread_new(upload->hash, &upload->thread, NULL) == 0)
                return;
        pthread_mutex_lock(&store->lock);
        store->hash_threads--;
        pthread_mutex_unlock(&store->lock);
}

/* Shows the hash what follows on what it has seen; what it has missed is read at the end. */
static int hash(struct store_upload *upload, struct slice bytes)
{
        int ret = 0;

        if (upload->hashed != upload->size)
                return 0;
        if (!upload->thread && upload->size - upload->start >= HASH_THREAD_SIZE)
                start_thread(upload);
        if (upload->thread)
                hash_thread_append(upload->thread, bytes);
        else
                ret = sha256_update(upload->hash, bytes.data, bytes.size);
        upload->hashed += bytes.size;
        return ret;
}

/* Back to where this opening began. */
static void take_back(struct store_upload *upload)
{
        end_thread(upload);
        if (upload->hashed > upload->start) {
                sha256_free(steal_ptr(upload->hash));
                upload->hashed = 0;
        }
        if (ftruncate(upload->fd, (off_t)upload->start) == 0)
                upload->size = upload->flushed = upload->start;
}

int store_upload_expect(const struct store_upload *upload, uint64_t size, struct error *err)
{
        struct statvfs fs;

        if (fstatvfs(upload->fd, &fs) < 0)
                return error_errno(err, errno, "cannot ask for the free space of `%s`", upload->store->path);
        if (size && size / fs.f_frsize >= fs.f_bfree)
                return error_errno(err, ENOSPC, "the upload %s has %llu bytes more", upload->id,
                                   (unsigned long long)size);
        return 0;
}

int store_upload_append(struct store_upload *upload, struct slice bytes, struct error *err)
{
        int ret = hash(upload, bytes);

        if (ret == 0)
                ret = file_pwrite_full(upload->fd, bytes.data, bytes.size, upload->size);
        if (ret < 0) {
                take_back(upload);
                return error_errno(err, -ret, "cannot keep the upload %s", upload->id);
        }
        upload->size += bytes.size;
        if (upload->size - upload->flushed >= FLUSH_SIZE) {
                /* Only a hint: what it fails at, fsync will report. */
                sync_file_range(upload->fd, (off_t)upload->flushed, (off_t)(upload->size - upload->flushed),
                                SYNC_FILE_RANGE_WRITE);
                upload->flushed = upload->size;
        }
        return 0;
}

/* --- commit
 * --------------------------------------------------------------------------------------------------- */

/* Reads what the hash has not seen: all of it after a restart. */
static int catch_up(struct store_upload *upload, struct error *err)
{
        _cleanup_free_ uint8_t *data = NULL;
        int ret = upload->hash ? 0 : sha256_new(&upload->hash, err);

        if (ret < 0 || upload->hashed == upload->size)
                return ret;
        data = malloc(READ_SIZE);
        if (!data)
                return error_oom(err);
        while (upload->hashed < upload->size) {
                ssize_t n = file_pread_full(upload->fd, data, READ_SIZE, upload->hashed);

                if (n <= 0)
                        return error_errno(err, n < 0 ? (int)-n : EIO, "cannot read the upload %s again",
                                           upload->id);
                ret = sha256_update(upload->hash, data, (size_t)n);
                if (ret < 0)
                        return error_errno(err, -ret, "cannot hash the upload %s", upload->id);
                upload->hashed += (uint64_t)n;
        }
        return 0;
}

static int check_digest(struct store_upload *upload, const struct sha256 *digest, struct error *err)
{
        char expected[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];
        struct sha256 actual;
        int ret;

        end_thread(upload);
        ret = catch_up(upload, err);
        if (ret < 0)
                return ret;
        ret = sha256_finish(upload->hash, &actual);
        upload->hashed = 0;
        if (ret < 0)
                return error_errno(err, -ret, "cannot hash the upload %s", upload->id);
        if (sha256_equal(&actual, digest))
                return 0;
        (void)store_upload_delete(upload, NULL);
        return error_set(err, &ERROR_STORE_DIGEST, -EBADMSG,
                         "what was sent has the digest sha256:%s, not sha256:%s", sha256_hex(&actual, found),
                         sha256_hex(digest, expected));
}

/* Puts the file under its name in the blobs. The lock is held. One that is there is replaced: it may have
 * been damaged. */
static int place(struct store_upload *upload, const struct sha256 *digest, struct error *err)
{
        struct registry_store *store = upload->store;
        char path[STORE_PATH_SIZE], directory[STORE_PATH_SIZE];
        _cleanup_close_ int fd = -1;
        struct stat st;

        store_blob_path(path, digest);
        store_path(directory, "%.*s", (int)(strrchr(path, '/') - path), path);
        fd = store_directory(store, directory, err);
        if (fd < 0)
                return fd;
        if (renameat(store->root, upload->path, store->root, path) < 0 || fsync(fd) < 0 ||
            fstat(upload->fd, &st) < 0)
                return error_errno(err, errno, "cannot write `%s/%s`", store->path, path);
        store_stamp_set(store, digest, &st);
        return 0;
}

int store_upload_commit(struct store_upload *upload, const struct sha256 *digest, struct error *err)
{
        _cleanup_close_ int lock = -1;
        int ret = check_digest(upload, digest, err);

        if (ret < 0)
                return ret;
        if (fsync(upload->fd) < 0)
                return error_errno(err, errno, "cannot write the upload %s to disk", upload->id);
        lock = store_lock(upload->store, STORE_SHARED, err);
        if (lock < 0)
                return lock;
        ret = place(upload, digest, err);
        return ret < 0 ? ret : store_blob_link(upload->store, upload->name, digest, err);
}
