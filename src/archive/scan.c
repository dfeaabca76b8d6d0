/* SPDX-License-Identifier: Apache-2.0 */
/* What members a tar has: from the index at its end, or from header to header. */
#include <errno.h>
#include <fcntl.h>
#include "archive/encrypted_header.h"
#include "archive/internal.h"
#include "archive/walk.h"
#include "base/file.h"

int archive_add_entry(struct archive *archive, const struct part *part, const struct tar_walk *walk,
                      struct error *err)
{
        const struct archive_member member = {.type = walk->entry.type,
                                              .mode = walk->entry.mode,
                                              .size = walk->entry.size,
                                              .offset = part->start + walk->contents,
                                              .header = part->start + walk->header};

        return archive_add_member(archive, walk->entry.name, &member, err);
}

int archive_scan_part(struct archive *archive, struct part *part, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        _cleanup_tar_walk_ struct tar_walk walk = {
                .what = archive->path, .unproven = !archive->joined, .end_optional = archive->joined};
        int ret = stream_open_part(archive, part, false, &stream, err);

        if (ret < 0)
                return ret;
        walk.stream = stream;
        /* Headers lie far apart: what the kernel would read ahead is not looked at. */
        if (part->fd >= 0)
                posix_fadvise(part->fd, 0, 0, POSIX_FADV_RANDOM);
        while ((ret = tar_walk_next(&walk, err)) > 0 &&
               (ret = archive_add_entry(archive, part, &walk, err)) == 0)
                ;
        if (part->fd >= 0)
                posix_fadvise(part->fd, 0, 0, POSIX_FADV_NORMAL);
        part->length = walk.header;
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

/* What other tools compress with, and what to do then. */
static int refuse_other_compression(const struct archive *archive, struct slice head, struct error *err)
{
        static const struct {
                const char *magic, *name;
        } others[] = {{"BZh", "bzip2"},
                      {"\xfd"
                       "7zXZ",
                       "xz"}};

        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                const char *name = others[i].name;
                size_t size = strlen(others[i].magic);

                if (head.size < size || memcmp(head.data, others[i].magic, size) != 0)
                        continue;
                (void)error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                                "`%s` is compressed with %s, which is not read here", archive->path, name);
                error_set_hint(err, "Expand it first (%s -d), or send it through a pipe: %s -dc FILE | %s",
                               name, name, "checkpointctl VERB -");
                return -ENOTSUP;
        }
        return 0;
}

/* The end of one, which proves that it is whole, would be seen too late. */
static int refuse_encrypted_pipe(const struct archive *archive, struct error *err)
{
        int ret = error_set(err, &ERROR_UNSUPPORTED, -ENOTSUP,
                            "`%s` is an encrypted archive, which is not read from a pipe", archive->path);

        error_set_hint(err, "Send it as a file: `checkpointctl VERB - < FILE`.");
        return ret;
}

int archive_look_at_head(struct archive *archive, struct part *part, struct error *err)
{
        ssize_t n = part->pipe ? file_read_full(part->fd, part->head, sizeof(part->head))
                               : archive_read_part(archive, part, 0, part->head, sizeof(part->head), err);
        struct slice head = {part->head, n < 0 ? 0 : (size_t)n};

        if (n < 0)
                return part->pipe ? error_errno(err, (int)-n, "cannot read `%s`", archive->path) : (int)n;
        if (part->pipe)
                part->head_size = head.size;
        if (part->pipe && encrypted_is_one(head))
                return refuse_encrypted_pipe(archive, err);
        part->compression = archive->compression = compression_detect(head);
        return refuse_other_compression(archive, head, err);
}

int archive_scan_tar(struct archive *archive, struct error *err)
{
        struct part *part = &archive->parts[0];
        int ret = archive_look_at_head(archive, part, err);

        if (ret == 0 && !part->pipe)
                ret = archive_load_index(archive, err);
        if (ret < 0)
                return ret;
        if (archive->indexed && archive->compression != COMPRESSION_NONE)
                return members_from_index(archive, err);
        if (archive->compression == COMPRESSION_NONE)
                archive->stream_size = part->size;
        archive->unread = archive_part_is_forward(part);
        return archive->unread ? 0 : archive_scan_part(archive, part, err);
}

bool archive_part_is_forward(const struct part *part)
{
        return part->compression != COMPRESSION_NONE || part->pipe;
}

int archive_scan_parts(struct archive *archive, struct error *err)
{
        const struct archive_visitor nobody = {0};

        for (size_t i = 0; i < archive->part_count; i++) {
                if (archive->compression == COMPRESSION_NONE)
                        archive->compression = archive->parts[i].compression;
                archive->unread |= archive_part_is_forward(&archive->parts[i]);
        }
        return archive->unread ? 0 : archive_scan_through(archive, &nobody, err);
}

const struct part *archive_part_of(const struct archive *archive, const struct archive_member *member)
{
        size_t i = archive->part_count;

        while (--i > 0 && archive->parts[i].start > member->header)
                ;
        return &archive->parts[i];
}
