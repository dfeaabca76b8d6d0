/* SPDX-License-Identifier: Apache-2.0 */
/* What members a tar file has: from the index at its end, from header to header, or in one pass forward. */
#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "archive/walk.h"
#include "base/file.h"

int archive_add_entry(struct archive *archive, const struct tar_walk *walk, struct error *err)
{
        const struct archive_member member = {.type = walk->entry.type,
                                              .mode = walk->entry.mode,
                                              .size = walk->entry.size,
                                              .offset = walk->contents,
                                              .header = walk->header};

        return archive_add_member(archive, walk->entry.name, &member, err);
}

/* Contents nobody reads as a whole in order to look: memory, file systems, logs. */
static bool is_bulk(const char *name)
{
        return text_starts_with(name, "checkpoint/pages-") ||
               text_starts_with(name, "checkpoint/amdgpu-pages-") || text_starts_with(name, "volumes/") ||
               text_ends_with(name, ".tar") || text_ends_with(name, ".log");
}

/* Keeps the contents of the member that was added last, if it is small enough. */
static int keep_contents(struct archive *archive, struct tar_walk *walk, uint64_t *kept, struct error *err)
{
        const struct archive_member *member = &archive->members[archive->count - 1];
        struct buffer *to = &archive->kept[archive->count - 1];
        ssize_t n;

        if (!member->size || member->size > ARCHIVE_KEPT_MAX - *kept ||
            (member->size > ARCHIVE_SMALL_MAX && is_bulk(member->name)))
                return 0;
        if (buffer_reserve(to, (size_t)member->size) < 0)
                return error_oom(err);
        n = tar_walk_read(walk, to->data, (size_t)member->size, err);
        if (n < 0)
                return (int)n;
        to->size = (size_t)n;
        *kept += member->size;
        return 0;
}

/* One more slot for the member that was just added. */
static int grow_kept(struct archive *archive, size_t *capacity, struct error *err)
{
        struct buffer *kept;

        if (archive->capacity == *capacity)
                return 0;
        kept = reallocarray(archive->kept, archive->capacity, sizeof(*kept));
        if (!kept)
                return error_oom(err);
        memset(kept + *capacity, 0, (archive->capacity - *capacity) * sizeof(*kept));
        archive->kept = kept;
        *capacity = archive->capacity;
        return 0;
}

static int walk_members(struct archive *archive, struct stream *stream, bool keep, struct error *err)
{
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = stream, .what = archive->path};
        size_t capacity = 0;
        uint64_t kept = 0;
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0) {
                size_t before = archive->count;

                ret = archive_add_entry(archive, &walk, err);
                if (ret < 0)
                        return ret;
                if (!keep || archive->count == before)
                        continue;
                ret = grow_kept(archive, &capacity, err);
                if (ret < 0)
                        return ret;
                ret = keep_contents(archive, &walk, &kept, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

/* Does the file begin like a tar at all? Says "not an archive" rather than "damaged" of anything else. */
static int check_beginning(const struct archive *archive, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        uint8_t block[TAR_BLOCK];
        struct tar_entry entry;
        ssize_t n;
        int ret = stream_open(archive, &stream, err);

        if (ret < 0)
                return ret;
        n = stream_read(stream, block, sizeof(block), err);
        if (n < 0)
                return (int)n;
        if ((size_t)n < sizeof(block) || tar_header_parse(block, &entry, NULL) != 1)
                return error_set(err, &ERROR_ARCHIVE_NOT_ONE, -EBADMSG, "`%s` is not a tar archive",
                                 archive->path);
        return 0;
}

static int scan_members(struct archive *archive, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        bool forward = archive->compression != COMPRESSION_NONE;
        int ret = check_beginning(archive, err);

        if (ret < 0)
                return ret;
        ret = stream_open(archive, &stream, err);
        if (ret < 0)
                return ret;
        /* Headers lie far apart: what the kernel would read ahead is not looked at. */
        if (!forward)
                posix_fadvise(archive->fd, 0, 0, POSIX_FADV_RANDOM);
        ret = walk_members(archive, stream, forward, err);
        if (!forward)
                posix_fadvise(archive->fd, 0, 0, POSIX_FADV_NORMAL);
        return ret;
}

/* The index lists all members but itself. */
static int members_from_index(struct archive *archive, struct error *err)
{
        const struct archive_index *index = &archive->index;
        uint64_t contents = index->frames[index->frame_count - 2].stream;
        struct archive_member self = {.type = TAR_FILE, .mode = 0600, .offset = contents};
        int ret;

        for (size_t i = 0; i < index->member_count; i++) {
                const struct archive_index_member *from = &index->members[i];
                const struct archive_member member = {.type = from->type,
                                                      .mode = from->mode,
                                                      .size = from->size,
                                                      .offset = from->contents,
                                                      .header = from->header,
                                                      .crc = from->crc};

                self.header = from->contents + tar_padded(from->size);
                ret = archive_add_member(archive, from->name, &member, err);
                if (ret < 0)
                        return ret;
        }
        self.size = archive->stream_size - (uint64_t)2 * TAR_BLOCK - contents;
        if (self.header + TAR_BLOCK > contents)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG,
                                 "`%s`, member `%s`: it lists members beyond its own place", archive->path,
                                 ARCHIVE_INDEX_NAME);
        return archive_add_member(archive, ARCHIVE_INDEX_NAME, &self, err);
}

int archive_detect(struct archive *archive, struct error *err)
{
        uint8_t head[16];
        size_t size = archive->size < sizeof(head) ? (size_t)archive->size : sizeof(head);
        ssize_t n = file_pread_full(archive->fd, head, size, archive->origin);

        if (n < 0)
                return error_errno(err, (int)-n, "cannot read `%s`", archive->path);
        archive->compression = compression_detect((struct slice){head, (size_t)n});
        return 0;
}

int archive_scan_tar(struct archive *archive, struct error *err)
{
        int ret = archive_detect(archive, err);

        if (ret == 0)
                ret = archive_load_index(archive, err);
        if (ret < 0)
                return ret;
        if (archive->compression == COMPRESSION_NONE)
                archive->stream_size = archive->size;
        else if (archive->indexed)
                return members_from_index(archive, err);
        return scan_members(archive, err);
}
