/* SPDX-License-Identifier: Apache-2.0 */
#include "node/chunk_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"

#define IDENTITY_SIZE 128
#define FILE_LIMIT    (2 * MIB)

struct chunk_cache {
        char *directory;
        pthread_mutex_t lock; /* of making */
};

int chunk_cache_new(const char *directory, struct chunk_cache **out, struct error *err)
{
        struct chunk_cache *cache = calloc(1, sizeof(*cache));

        if (!cache)
                return error_oom(err);
        pthread_mutex_init(&cache->lock, NULL);
        *out = cache;
        cache->directory = strdup(directory);
        if (cache->directory)
                return 0;
        chunk_cache_free(steal_ptr(*out));
        return error_oom(err);
}

void chunk_cache_free(struct chunk_cache *cache)
{
        if (!cache)
                return;
        pthread_mutex_destroy(&cache->lock);
        free(cache->directory);
        free(cache);
}

/* The first line of what is kept: another file, or one that was changed, has another one. */
static int identify(int fd, const struct checkpoint *checkpoint, char out[IDENTITY_SIZE], uint64_t *size,
                    struct error *err)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_errno(err, errno, "cannot look at `%s`", checkpoint->path);
        *size = (uint64_t)st.st_size;
        snprintf(out, IDENTITY_SIZE, "%llu %llu %lld %lld.%09ld\n", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                 st.st_mtim.tv_nsec);
        return 0;
}

/* Whatever is wrong with what is kept: it is made again. */
static bool read_kept(const char *path, const char *identity, struct chunk_list *out)
{
        _cleanup_buffer_ struct buffer text = {0};
        size_t line = strlen(identity);

        return file_read(AT_FDCWD, path, FILE_LIMIT, &text, NULL) == 0 && text.size > line &&
               memcmp(text.data, identity, line) == 0 &&
               chunk_list_parse((struct slice){text.data + line, text.size - line}, path, out, NULL) == 0;
}

static int keep(const char *path, const char *identity, const struct chunk_list *list, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_file_writer_ struct file_writer *writer = NULL;
        int ret =
                buffer_append_text(&text, identity) < 0 ? error_oom(err) : chunk_list_write(list, &text, err);

        if (ret == 0)
                ret = file_writer_open(path, true, &writer, err);
        if (ret < 0)
                return ret;
        ret = file_write_full(file_writer_fd(writer), text.data, text.size);
        return ret < 0 ? error_errno(err, -ret, "cannot write `%s`", path) : file_writer_commit(writer, err);
}

/* Checkpoints go without our being told. */
static void prune(const struct chunk_cache *cache, struct catalog *catalog)
{
        _cleanup_closedir_ DIR *directory = opendir(cache->directory);
        struct dirent *entry;

        while (directory && (entry = readdir(directory))) {
                _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;

                if (entry->d_name[0] != '.' &&
                    catalog_get_checkpoint(catalog, entry->d_name, &checkpoint, NULL) == -ENOENT)
                        unlinkat(dirfd(directory), entry->d_name, 0);
        }
}

/* Holds the lock. That it cannot be kept is no reason not to give it. */
static int make(struct chunk_cache *cache, struct catalog *catalog, const struct checkpoint *checkpoint,
                int fd, uint64_t size, const char *path, const char *identity, struct chunk_list *out,
                struct error *err)
{
        int ret = chunk_list_make(fd, size, checkpoint->path, NULL, out, err);

        if (ret < 0)
                return ret;
        if (file_mkdir_all(cache->directory, 0700, NULL) == 0)
                (void)keep(path, identity, out, NULL);
        prune(cache, catalog);
        return 0;
}

int chunk_cache_get(struct chunk_cache *cache, struct catalog *catalog, const struct checkpoint *checkpoint,
                    int fd, struct chunk_list *out, struct error *err)
{
        _cleanup_free_ char *path = NULL;
        char identity[IDENTITY_SIZE];
        uint64_t size = 0;
        int ret = identify(fd, checkpoint, identity, &size, err);

        if (ret < 0)
                return ret;
        if (asprintf(&path, "%s/%s", cache->directory, checkpoint->id) < 0) {
                path = NULL;
                return error_oom(err);
        }
        if (read_kept(path, identity, out))
                return 0;
        pthread_mutex_lock(&cache->lock);
        if (!read_kept(path, identity, out)) /* somebody may have made it meanwhile */
                ret = make(cache, catalog, checkpoint, fd, size, path, identity, out, err);
        pthread_mutex_unlock(&cache->lock);
        return ret;
}
