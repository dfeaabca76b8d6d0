/* SPDX-License-Identifier: Apache-2.0 */
#include "node/chunk_list.h"

#include <errno.h>
#include <pthread.h>
#include "archive/errors.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"

/* What is read at once. */
#define BLOCK (1 * MIB)

static uint64_t chunk_size_for(uint64_t size)
{
        uint64_t chunk = CHUNK_SIZE_MIN;

        while (size / chunk >= CHUNK_COUNT_MAX)
                chunk *= 2;
        return chunk;
}

static int list_new(uint64_t size, struct chunk_list *out, struct error *err)
{
        uint64_t chunk = chunk_size_for(size);
        size_t count = (size_t)((size + chunk - 1) / chunk);

        *out = (struct chunk_list){size, chunk, calloc(count ? count : 1, sizeof(*out->digests)), count};
        return out->digests ? 0 : error_oom(err);
}

void chunk_list_free(struct chunk_list *list)
{
        free(list->digests);
        *list = (struct chunk_list){0};
}

uint64_t chunk_list_size_at(const struct chunk_list *list, size_t index)
{
        uint64_t left = list->size - index * list->chunk_size;

        return left < list->chunk_size ? left : list->chunk_size;
}

int chunk_list_digest(const struct chunk_list *list, struct sha256 *out, struct error *err)
{
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        uint8_t head[16];
        int ret = sha256_new(&stream, err);

        if (ret < 0)
                return ret;
        store_le64(head, list->size);
        store_le64(head + 8, list->chunk_size);
        ret = sha256_update(stream, head, sizeof(head));
        if (ret == 0)
                ret = sha256_update(stream, list->digests, list->count * sizeof(*list->digests));
        if (ret == 0)
                ret = sha256_finish(stream, out);
        return ret < 0 ? error_errno(err, -ret, "cannot hash a list of chunks") : 0;
}

/* --- of a file --------------------------------------------------------------------------------------------
 */

struct making {
        int fd;
        const char *what;
        const struct progress *progress;
        struct chunk_list *list;
        pthread_mutex_t lock;
        size_t next, done; /* chunks */
        int ret;           /* of the first that failed */
        struct error err;
};

static int hash_chunk(const struct making *making, size_t index, struct sha256_stream *stream, uint8_t *block,
                      struct error *err)
{
        uint64_t at = index * making->list->chunk_size, left = chunk_list_size_at(making->list, index);
        int ret = 0;

        while (left && ret == 0) {
                size_t want = left < BLOCK ? (size_t)left : BLOCK;
                ssize_t n = file_pread_full(making->fd, block, want, at);

                if (n < 0)
                        return error_errno(err, (int)-n, "cannot read `%s`", making->what);
                if ((size_t)n < want)
                        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                         "`%s` ends before its %llu bytes", making->what,
                                         (unsigned long long)making->list->size);
                ret = sha256_update(stream, block, want);
                at += want;
                left -= want;
        }
        if (ret == 0)
                ret = sha256_finish(stream, &making->list->digests[index]);
        return ret < 0 ? error_errno(err, -ret, "cannot hash `%s`", making->what) : 0;
}

/* The next one that nobody works at; false when there is none, or one has failed. */
static bool take_chunk(struct making *making, size_t *index)
{
        bool is_one;

        pthread_mutex_lock(&making->lock);
        if (making->ret == 0 && progress_cancelled(making->progress))
                making->ret = error_set(&making->err, &ERROR_CANCELLED, -ECANCELED, "interrupted");
        is_one = making->ret == 0 && making->next < making->list->count;
        if (is_one)
                *index = making->next++;
        pthread_mutex_unlock(&making->lock);
        return is_one;
}

static void note_chunk(struct making *making, int ret, const struct error *err)
{
        uint64_t done;

        pthread_mutex_lock(&making->lock);
        if (ret < 0 && making->ret == 0) {
                making->ret = ret;
                making->err = *err;
        }
        done = ++making->done * making->list->chunk_size;
        progress_step(making->progress, "chunks", done < making->list->size ? done : making->list->size,
                      making->list->size);
        pthread_mutex_unlock(&making->lock);
}

static void make_chunks(void *argument)
{
        struct making *making = argument;
        _cleanup_sha256_ struct sha256_stream *stream = NULL;
        _cleanup_free_ uint8_t *block = malloc(BLOCK);
        struct error err = {0};
        size_t index;
        int ret = block ? sha256_new(&stream, &err) : error_oom(&err);

        if (ret < 0)
                note_chunk(making, ret, &err);
        while (ret == 0 && take_chunk(making, &index)) {
                ret = hash_chunk(making, index, stream, block, &err);
                note_chunk(making, ret, &err);
        }
}

int chunk_list_make(int fd, uint64_t size, const char *what, const struct progress *progress,
                    struct chunk_list *out, struct error *err)
{
        struct making making = {
                .fd = fd, .what = what, .progress = progress, .list = out, .lock = PTHREAD_MUTEX_INITIALIZER};
        struct pool *pool = NULL;
        int ret = list_new(size, out, err);

        if (ret == 0)
                ret = pool_new(0, 1, &pool, err);
        if (ret == 0) {
                for (unsigned i = 0; i < pool_threads(pool); i++)
                        pool_submit(pool, make_chunks, &making);
                pool_free(pool); /* waits */
                ret = making.ret;
                if (ret < 0 && err)
                        *err = making.err;
        }
        if (ret < 0)
                chunk_list_free(out);
        return ret;
}

/* --- as JSON ----------------------------------------------------------------------------------------------
 */

int chunk_list_write(const struct chunk_list *list, struct buffer *out, struct error *err)
{
        char hex[SHA256_HEX_SIZE];
        int ret = buffer_printf(out, "{\"size\":%llu,\"chunkSize\":%llu,\"chunks\":[",
                                (unsigned long long)list->size, (unsigned long long)list->chunk_size);

        for (size_t i = 0; i < list->count && ret == 0; i++)
                ret = buffer_printf(out, "%s\"%s\"", i ? "," : "", sha256_hex(&list->digests[i], hex));
        if (ret == 0)
                ret = buffer_append_text(out, "]}\n");
        return ret < 0 ? error_oom(err) : 0;
}

static int malformed(const char *what, const char *why, struct error *err)
{
        return error_set(err, &ERROR_BAD_JSON, -EBADMSG, "the list of chunks of `%s` %s", what, why);
}

static int read_digests(yyjson_val *chunks, const char *what, struct chunk_list *out, struct error *err)
{
        yyjson_val *chunk;
        size_t i, count;

        yyjson_arr_foreach (chunks, i, count, chunk) {
                const char *hex = yyjson_get_str(chunk);

                if (!hex || strlen(hex) != SHA256_HEX_SIZE - 1 || !sha256_parse(hex, &out->digests[i]))
                        return malformed(what, "has what is no digest", err);
        }
        return 0;
}

int chunk_list_parse(struct slice text, const char *what, struct chunk_list *out, struct error *err)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        yyjson_val *root, *chunks;
        uint64_t size;
        int ret = json_parse(text, what, &doc, err);

        if (ret < 0)
                return ret;
        root = yyjson_doc_get_root(doc);
        chunks = yyjson_obj_get(root, "chunks");
        size = json_uint_or(root, "size", 0);
        if (!yyjson_is_arr(chunks) || size == 0 || size > INT64_MAX)
                return malformed(what, "has no size or no chunks", err);
        ret = list_new(size, out, err);
        if (ret < 0)
                return ret;
        if (json_uint_or(root, "chunkSize", 0) != out->chunk_size || yyjson_arr_size(chunks) != out->count)
                ret = malformed(what, "does not fit its size", err);
        if (ret == 0)
                ret = read_digests(chunks, what, out, err);
        if (ret < 0)
                chunk_list_free(out);
        return ret;
}
