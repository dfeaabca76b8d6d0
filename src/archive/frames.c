/* SPDX-License-Identifier: Apache-2.0 */
/* Random access into our own archives: the index at the end, and the compressed frames it lists. */
#include <errno.h>
#include "archive/internal.h"

/* The index of an archive of 1 TiB in frames of 4 MiB takes 4 MiB. */
#define INDEX_MAX (32 * MIB)

/* Writers cut frames of 4 MiB; a larger one would have to be held in memory. */
#define FRAME_MAX (16 * MIB)

static int damaged(const struct archive *archive, const char *reason, struct error *err)
{
        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s`, member `%s`: %s", archive->path,
                         ARCHIVE_INDEX_NAME, reason);
}

static int read_stored(const struct archive *archive, uint64_t offset, size_t size, struct buffer *out,
                       struct error *err)
{
        ssize_t n;

        out->size = 0;
        if (buffer_reserve(out, size) < 0)
                return error_oom(err);
        n = archive_read_part(archive, &archive->parts[0], offset, out->data, size, err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < size)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short", archive->path);
        out->size = size;
        return 0;
}

/* -ENOENT (no error set) when the file does not end like one of ours. */
static int read_tail(const struct archive *archive, struct archive_tail *out, struct error *err)
{
        _cleanup_buffer_ struct buffer stored = {0}, bytes = {0}, again = {0};
        size_t size = frame_stored_size(archive->compression, ARCHIVE_TAIL_SIZE);
        int ret;

        if (archive->size < size)
                return -ENOENT;
        ret = read_stored(archive, archive->size - size, size, &stored, err);
        if (ret < 0)
                return ret;
        if (frame_expand(archive->compression, buffer_slice(&stored), ARCHIVE_TAIL_SIZE, &bytes, NULL) < 0 ||
            bytes.size != ARCHIVE_TAIL_SIZE)
                return -ENOENT;
        ret = archive_tail_decode(bytes.data, out, err);
        if (ret < 0)
                return ret;
        /* Bits that expanding overlooks. */
        if (buffer_reserve(&again, size) < 0)
                return error_oom(err);
        frame_stored(archive->compression, buffer_slice(&bytes), again.data);
        if (memcmp(stored.data, again.data, size) != 0)
                return damaged(archive, "the frame of its tail is not as it was written", err);
        if (out->tail_file != archive->size - size || out->index_size > INDEX_MAX ||
            out->index_stream > TAR_SIZE_LIMIT || out->tail_file - out->index_file > INDEX_MAX)
                return damaged(archive, "its tail does not fit the file", err);
        return 0;
}

static int read_index(struct archive *archive, const struct archive_tail *tail, struct error *err)
{
        _cleanup_buffer_ struct buffer stored = {0}, bytes = {0};
        uint64_t size = tar_padded(tail->index_size);
        int ret = read_stored(archive, tail->index_file, (size_t)(tail->tail_file - tail->index_file),
                              &stored, err);

        if (ret < 0)
                return ret;
        if (crc32c_update(0, stored.data, stored.size) != tail->index_crc)
                return damaged(archive, "its CRC-32C differs from what its tail says", err);
        ret = frame_expand(archive->compression, buffer_slice(&stored), size, &bytes, err);
        if (ret < 0)
                return ret;
        if (bytes.size != size)
                return damaged(archive, "its length differs from what its tail says", err);
        for (uint64_t i = tail->index_size; i < size; i++)
                if (bytes.data[i])
                        return damaged(archive, "there are bytes after its end that should be zero", err);
        return archive_index_decode((struct slice){bytes.data, (size_t)tail->index_size}, &archive->index,
                                    err);
}

/* The frames of the index itself and of the tail are known from the tail alone. */
static int add_last_frames(struct archive *archive, const struct archive_tail *tail, struct error *err)
{
        struct archive_index *index = &archive->index;
        uint64_t tail_stream = tail->index_stream + tar_padded(tail->index_size);
        const struct archive_index_frame *last;

        while (index->frame_count && index->frames[index->frame_count - 1].stream >= tail->index_stream)
                index->frame_count--;
        last = index->frame_count ? &index->frames[index->frame_count - 1] : NULL;
        if (!last || last->file >= tail->index_file)
                return damaged(archive, "its frames do not fit the file", err);
        /* Both were verified when the index was loaded. */
        if (archive_index_add_frame(index, tail->index_stream, tail->index_file, tail->index_crc) < 0 ||
            archive_index_add_frame(index, tail_stream, tail->tail_file, 0) < 0)
                return error_oom(err);
        for (size_t i = 1; i < index->frame_count; i++) {
                const struct archive_index_frame *before = &index->frames[i - 1], *frame = &index->frames[i];

                if (frame->stream - before->stream > FRAME_MAX || frame->file - before->file > FRAME_MAX)
                        return damaged(archive, "it lists a frame that is absurdly large", err);
        }
        return 0;
}

int archive_load_index(struct archive *archive, struct error *err)
{
        struct archive_tail tail;
        int ret = read_tail(archive, &tail, err);

        if (ret == -ENOENT)
                return 0;
        if (ret < 0)
                return ret;
        ret = read_index(archive, &tail, err);
        if (ret < 0)
                return ret;
        archive->indexed = true;
        if (archive->index.compression != archive->compression)
                return damaged(archive, "it names another compression than the file has", err);
        archive->stream_size = tail.index_stream + tar_padded(tail.index_size) + ARCHIVE_TAIL_SIZE;
        if (archive->compression == COMPRESSION_NONE)
                return archive->stream_size == archive->size
                               ? 0
                               : damaged(archive, "its tail does not fit the file", err);
        return add_last_frames(archive, &tail, err);
}

int archive_decode_inner_index(const struct archive *archive, const struct archive_member *member,
                               struct archive_index *out, struct error *err)
{
        uint8_t tail_bytes[ARCHIVE_TAIL_SIZE] = {
                0}; /* the end marker of the tar was seen when it was opened */
        _cleanup_buffer_ struct buffer bytes = {0};
        struct archive_tail tail;
        int ret = archive_read(archive, member, INDEX_MAX, &bytes, err);

        if (ret < 0)
                return ret;
        if (bytes.size < TAR_BLOCK)
                return damaged(archive, "it is too short", err);
        bytes.size -= TAR_BLOCK;
        memcpy(tail_bytes, bytes.data + bytes.size, TAR_BLOCK);
        ret = archive_tail_decode(tail_bytes, &tail, err);
        if (ret == -ENOENT)
                return damaged(archive, "it has no tail", err);
        if (ret < 0)
                return ret;
        if (tail.index_stream != member->offset || tar_padded(tail.index_size) != bytes.size ||
            crc32c_update(0, bytes.data, bytes.size) != tail.index_crc)
                return damaged(archive, "its tail does not fit it", err);
        ret = archive_index_decode((struct slice){bytes.data, (size_t)tail.index_size}, out, err);
        if (ret < 0)
                return ret;
        if (out->compression != COMPRESSION_NONE) {
                archive_index_free(out);
                return damaged(archive, "it belongs to an archive that was compressed otherwise", err);
        }
        return 0;
}

/* The frame in which `offset` of the stream lies. */
static size_t frame_find(const struct archive_index *index, uint64_t offset)
{
        size_t low = 0, high = index->frame_count;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (index->frames[middle].stream <= offset)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

/* Expands one frame into the cache. With the lock held. */
static int frame_load(const struct archive *archive, size_t frame, struct frame_cache *cache,
                      struct error *err)
{
        const struct archive_index *index = &archive->index;
        bool last = frame + 1 == index->frame_count;
        uint64_t file_end = last ? archive->size : index->frames[frame + 1].file;
        uint64_t stream_end = last ? archive->stream_size : index->frames[frame + 1].stream;
        uint64_t size = stream_end - index->frames[frame].stream;
        int ret;

        if (cache->frame == frame)
                return 0;
        cache->frame = SIZE_MAX;
        cache->bytes.size = 0;
        ret = read_stored(archive, index->frames[frame].file, (size_t)(file_end - index->frames[frame].file),
                          &cache->stored, err);
        if (ret < 0)
                return ret;
        if (!last && crc32c_update(0, cache->stored.data, cache->stored.size) != index->frames[frame].crc)
                return error_set(err, &ERROR_ARCHIVE_DIGEST, -EBADMSG,
                                 "`%s`: the frame at byte %llu has another CRC-32C than the index says",
                                 archive->path, (unsigned long long)index->frames[frame].file);
        ret = frame_expand(archive->compression, buffer_slice(&cache->stored), size, &cache->bytes, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`, frame at byte %llu", archive->path,
                                  (unsigned long long)index->frames[frame].file);
        if (cache->bytes.size != size)
                return damaged(archive, "a frame has another length than it says", err);
        cache->frame = frame;
        return 0;
}

ssize_t archive_read_frames(const struct archive *archive, uint64_t offset, void *data, size_t size,
                            struct error *err)
{
        /* The cache is no part of what the archive says: readers of a const archive share it under its lock.
         */
        struct frame_cache *cache = &((struct archive *)(uintptr_t)archive)->cache;
        size_t done = 0;
        int ret = 0;

        pthread_mutex_lock(&cache->lock);
        while (done < size && offset + done < archive->stream_size) {
                size_t frame = frame_find(&archive->index, offset + done), skip, n;

                ret = frame_load(archive, frame, cache, err);
                if (ret < 0)
                        break;
                skip = (size_t)(offset + done - archive->index.frames[frame].stream);
                n = cache->bytes.size - skip;
                n = n > size - done ? size - done : n;
                memcpy((uint8_t *)data + done, cache->bytes.data + skip, n);
                done += n;
        }
        pthread_mutex_unlock(&cache->lock);
        return ret < 0 ? ret : (ssize_t)done;
}
