/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/index.h"

#include <errno.h>
#include "base/digest.h"

static const char INDEX_MAGIC[] = "SNAPIDX1";
static const char TAIL_MAGIC[] = "SNAPTAIL";

enum {
        MAGIC_SIZE = 8,
        INDEX_HEADER_SIZE = MAGIC_SIZE + 4 + 4 + 8,
        MEMBER_FIXED_SIZE = 2 + 1 + 4 + 8 + 8 + 8 + 4, /* without the name */
        FRAME_SIZE = 8 + 8 + 4,
        TAIL_FIELDS_SIZE = MAGIC_SIZE + 4 * 8 + 4
};

static int malformed(struct error *err, const char *what)
{
        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "%s: %s", ARCHIVE_INDEX_NAME, what);
}

/* Room for one more in an array that doubles. */
static int array_grow(void **array, size_t count, size_t item)
{
        void *grown;

        if (count & (count - 1)) /* there is room up to the next power of two */
                return 0;
        grown = reallocarray(*array, count ? count * 2 : 1, item);
        if (!grown)
                return -ENOMEM;
        *array = grown;
        return 0;
}

int archive_index_add_member(struct archive_index *index, const struct archive_index_member *member)
{
        _cleanup_free_ char *name = strdup(member->name);

        if (!name || array_grow((void **)&index->members, index->member_count, sizeof(*index->members)) < 0)
                return -ENOMEM;
        index->members[index->member_count] = *member;
        index->members[index->member_count++].name = steal_ptr(name);
        return 0;
}

int archive_index_add_frame(struct archive_index *index, uint64_t stream, uint64_t file, uint32_t crc)
{
        if (array_grow((void **)&index->frames, index->frame_count, sizeof(*index->frames)) < 0)
                return -ENOMEM;
        index->frames[index->frame_count++] = (struct archive_index_frame){stream, file, crc};
        return 0;
}

void archive_index_free(struct archive_index *index)
{
        for (size_t i = 0; i < index->member_count; i++)
                free(index->members[i].name);
        free(index->members);
        free(index->frames);
        *index = (struct archive_index){};
}

uint64_t archive_index_size(const struct archive_index *index, size_t frames)
{
        uint64_t size = INDEX_HEADER_SIZE + SHA256_SIZE + (uint64_t)frames * FRAME_SIZE;

        for (size_t i = 0; i < index->member_count; i++)
                size += MEMBER_FIXED_SIZE + strlen(index->members[i].name);
        return size;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
        memcpy(at, data, size);
        return at + size;
}

static uint8_t *put_le32(uint8_t *at, uint32_t value)
{
        store_le32(at, value);
        return at + 4;
}

static uint8_t *put_le64(uint8_t *at, uint64_t value)
{
        store_le64(at, value);
        return at + 8;
}

static uint8_t *put_member(uint8_t *at, const struct archive_index_member *member)
{
        size_t length = strlen(member->name);

        *at++ = (uint8_t)length;
        *at++ = (uint8_t)(length >> 8);
        at = put(at, member->name, length);
        *at++ = (uint8_t)member->type;
        at = put_le32(at, member->mode);
        at = put_le64(at, member->size);
        at = put_le64(at, member->header);
        at = put_le64(at, member->contents);
        return put_le32(at, member->crc);
}

int archive_index_encode(const struct archive_index *index, struct buffer *out, struct error *err)
{
        uint64_t size = archive_index_size(index, index->frame_count);
        struct sha256 digest;
        uint8_t *begin, *at;
        int ret;

        if (buffer_reserve(out, size) < 0)
                return error_oom(err);
        at = begin = out->data + out->size;
        at = put(at, INDEX_MAGIC, MAGIC_SIZE);
        at = put_le32(at, (uint32_t)index->compression);
        at = put_le32(at, (uint32_t)index->member_count);
        at = put_le64(at, index->frame_count);
        for (size_t i = 0; i < index->member_count; i++)
                at = put_member(at, &index->members[i]);
        for (size_t i = 0; i < index->frame_count; i++) {
                at = put_le64(at, index->frames[i].stream);
                at = put_le64(at, index->frames[i].file);
                at = put_le32(at, index->frames[i].crc);
        }
        ret = sha256_of((struct slice){begin, (size_t)(at - begin)}, &digest, err);
        if (ret < 0)
                return ret;
        put(at, digest.bytes, SHA256_SIZE);
        out->size += size;
        out->data[out->size] = '\0';
        return 0;
}

static int digest_check(struct slice *bytes, struct error *err)
{
        struct sha256 digest;
        int ret;

        if (bytes->size < INDEX_HEADER_SIZE + SHA256_SIZE ||
            memcmp(bytes->data, INDEX_MAGIC, MAGIC_SIZE) != 0)
                return malformed(err, "not an index");
        bytes->size -= SHA256_SIZE;
        ret = sha256_of(*bytes, &digest, err);
        if (ret < 0)
                return ret;
        if (memcmp(digest.bytes, bytes->data + bytes->size, SHA256_SIZE) != 0)
                return malformed(err, "its SHA-256 differs");
        return 0;
}

/* `end` is where the member before ended in the stream. */
static int member_take(struct slice *from, struct archive_index *out, uint64_t *end, struct error *err)
{
        char name[TAR_NAME_SIZE];
        struct slice length, text, fixed;

        if (!slice_take(from, 2, &length) ||
            !slice_take(from, (size_t)length.data[0] | (size_t)length.data[1] << 8, &text) ||
            !slice_take(from, MEMBER_FIXED_SIZE - 2, &fixed))
                return malformed(err, "a member is cut off");
        if (text.size == 0 || text.size >= sizeof(name) || memchr(text.data, '\0', text.size))
                return malformed(err, "a name is malformed");
        memcpy(name, text.data, text.size);
        name[text.size] = '\0';

        struct archive_index_member member = {
                .name = name,
                .type = (enum tar_type)fixed.data[0],
                .mode = load_le32(fixed.data + 1),
                .size = load_le64(fixed.data + 5),
                .header = load_le64(fixed.data + 13),
                .contents = load_le64(fixed.data + 21),
                .crc = load_le32(fixed.data + 29),
        };
        if (member.header < *end || member.contents < member.header + TAR_BLOCK ||
            member.contents > TAR_SIZE_LIMIT || member.size > TAR_SIZE_LIMIT || member.header % TAR_BLOCK ||
            member.contents % TAR_BLOCK)
                return malformed(err, "the offsets of a member are wrong");
        *end = member.contents + tar_padded(member.size);
        return archive_index_add_member(out, &member) < 0 ? error_oom(err) : 0;
}

static int frame_take(struct slice *from, struct archive_index *out, struct error *err)
{
        const struct archive_index_frame *last = out->frame_count ? &out->frames[out->frame_count - 1] : NULL;
        struct slice bytes;

        if (!slice_take(from, FRAME_SIZE, &bytes))
                return malformed(err, "a frame is cut off");
        uint64_t stream = load_le64(bytes.data), file = load_le64(bytes.data + 8);
        if (last ? stream <= last->stream || file <= last->file : stream != 0 || file != 0)
                return malformed(err, "frames do not ascend from 0");
        return archive_index_add_frame(out, stream, file, load_le32(bytes.data + 16)) < 0 ? error_oom(err)
                                                                                          : 0;
}

static int body_decode(struct slice bytes, struct archive_index *out, struct error *err)
{
        struct slice header;
        uint64_t end = 0;
        int r = 0;

        if (!slice_take(&bytes, INDEX_HEADER_SIZE, &header))
                return malformed(err, "not an index");
        uint32_t compression = load_le32(header.data + 8), members = load_le32(header.data + 12);
        uint64_t frames = load_le64(header.data + 16);
        if (compression >= COMPRESSION_MAX_)
                return malformed(err, "unknown compression");
        if ((compression == COMPRESSION_NONE) != (frames == 0))
                return malformed(err, "wrong number of frames");
        out->compression = (enum compression)compression;
        for (uint32_t i = 0; r == 0 && i < members; i++)
                r = member_take(&bytes, out, &end, err);
        for (uint64_t i = 0; r == 0 && i < frames; i++)
                r = frame_take(&bytes, out, err);
        if (r == 0 && bytes.size > 0)
                return malformed(err, "bytes are left over");
        return r;
}

int archive_index_decode(struct slice bytes, struct archive_index *out, struct error *err)
{
        _cleanup_archive_index_ struct archive_index index = {};
        int r = digest_check(&bytes, err);

        if (r == 0)
                r = body_decode(bytes, &index, err);
        if (r < 0)
                return r;
        *out = index;
        index = (struct archive_index){};
        return 0;
}

int archive_tail_encode(const struct archive_tail *tail, uint8_t out[ARCHIVE_TAIL_SIZE], struct error *err)
{
        struct sha256 digest;
        uint8_t *at;
        int ret;

        memset(out, 0, ARCHIVE_TAIL_SIZE);
        at = put(out, TAIL_MAGIC, MAGIC_SIZE);
        at = put_le64(at, tail->index_file);
        at = put_le64(at, tail->tail_file);
        at = put_le64(at, tail->index_size);
        at = put_le64(at, tail->index_stream);
        at = put_le32(at, tail->index_crc);
        ret = sha256_of((struct slice){out, TAIL_FIELDS_SIZE}, &digest, err);
        if (ret < 0)
                return ret;
        put(at, digest.bytes, SHA256_SIZE);
        return 0;
}

int archive_tail_decode(const uint8_t bytes[ARCHIVE_TAIL_SIZE], struct archive_tail *out, struct error *err)
{
        struct sha256 digest;
        int ret;

        if (memcmp(bytes, TAIL_MAGIC, MAGIC_SIZE) != 0)
                return -ENOENT;
        ret = sha256_of((struct slice){bytes, TAIL_FIELDS_SIZE}, &digest, err);
        if (ret < 0)
                return ret;
        if (memcmp(digest.bytes, bytes + TAIL_FIELDS_SIZE, SHA256_SIZE) != 0)
                return malformed(err, "the SHA-256 of its tail differs");
        for (size_t i = TAIL_FIELDS_SIZE + SHA256_SIZE; i < ARCHIVE_TAIL_SIZE; i++)
                if (bytes[i])
                        return malformed(err, "there are bytes after its tail that should be zero");
        *out = (struct archive_tail){
                .index_file = load_le64(bytes + 8),
                .tail_file = load_le64(bytes + 16),
                .index_size = load_le64(bytes + 24),
                .index_stream = load_le64(bytes + 32),
                .index_crc = load_le32(bytes + 40),
        };
        if (out->index_size > TAR_SIZE_LIMIT || out->index_file >= out->tail_file)
                return malformed(err, "its tail is malformed");
        return 0;
}
