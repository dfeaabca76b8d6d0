/* SPDX-License-Identifier: Apache-2.0 */
/* What members a tar has: from the index at its end, from header to header, or in one pass forward. */
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

/* Contents nobody reads as a whole in order to look: memory, file systems, logs. */
static bool is_bulk(const char *name)
{
        return text_starts_with(name, "checkpoint/pages-") ||
               text_starts_with(name, "checkpoint/amdgpu-pages-") || text_starts_with(name, "volumes/") ||
               text_ends_with(name, ".tar") || text_ends_with(name, ".log");
}

static bool is_memory(const char *name)
{
        return text_starts_with(name, "checkpoint/pages-");
}

/* Keeps the last `size` bytes of the current member, which was added last. */
static int keep_end(struct archive *archive, struct tar_walk *walk, size_t size, uint64_t *total,
                    struct error *err)
{
        struct kept *kept = &archive->kept[archive->count - 1];
        uint64_t from = walk->left - size;
        ssize_t n;
        int ret = tar_walk_skip(walk, from, err);

        if (ret < 0)
                return ret;
        if (buffer_reserve(&kept->bytes, size) < 0)
                return error_oom(err);
        n = tar_walk_read(walk, kept->bytes.data, size, err);
        if (n < 0)
                return (int)n;
        kept->bytes.size = size;
        kept->from = from;
        *total += size;
        return 0;
}

/* What is asked for when somebody looks, as far as there is room. */
static int keep_contents(struct archive *archive, struct tar_walk *walk, struct error *err)
{
        const struct archive_member *member = &archive->members[archive->count - 1];
        bool small = member->size <= ARCHIVE_SMALL_MAX || !is_bulk(member->name);

        if (member->size && small && member->size <= ARCHIVE_KEPT_MAX - archive->kept_size)
                return keep_end(archive, walk, (size_t)member->size, &archive->kept_size, err);
        if (member->size >= ARCHIVE_END_SIZE && is_memory(member->name) &&
            ARCHIVE_END_SIZE <= ARCHIVE_ENDS_MAX - archive->ends_size)
                return keep_end(archive, walk, ARCHIVE_END_SIZE, &archive->ends_size, err);
        return 0;
}

/* Adds the members of one tar. `keep`: it can be read only forward. */
static int walk_members(struct archive *archive, struct part *part, struct stream *stream, bool keep,
                        struct error *err)
{
        _cleanup_tar_walk_ struct tar_walk walk = {.stream = stream,
                                                   .what = archive->path,
                                                   .unproven = !archive->joined,
                                                   .end_optional = archive->joined};
        int ret;

        while ((ret = tar_walk_next(&walk, err)) > 0) {
                size_t before = archive->count;

                ret = archive_add_entry(archive, part, &walk, err);
                if (ret == 0 && keep && archive->count > before)
                        ret = keep_contents(archive, &walk, err);
                if (ret < 0)
                        return ret;
        }
        part->length = walk.header;
        return ret;
}

/* To the end: of what was expanded, the digest must be right. */
static int read_rest(struct stream *stream, struct error *err)
{
        uint8_t scratch[TAR_BLOCK];
        ssize_t n;

        while ((n = stream_read(stream, scratch, sizeof(scratch), err)) > 0)
                ;
        return (int)n;
}

static int scan_part(struct archive *archive, struct part *part, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        bool forward = part->compression != COMPRESSION_NONE || part->pipe;
        int ret = stream_open_part(archive, part, forward, &stream, err);

        if (ret < 0)
                return ret;
        /* Headers lie far apart: what the kernel would read ahead is not looked at. */
        if (!forward && part->fd >= 0)
                posix_fadvise(part->fd, 0, 0, POSIX_FADV_RANDOM);
        ret = walk_members(archive, part, stream, forward, err);
        if (!forward && part->fd >= 0)
                posix_fadvise(part->fd, 0, 0, POSIX_FADV_NORMAL);
        return ret == 0 && part->has_digest && forward ? read_rest(stream, err) : ret;
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
        return scan_part(archive, part, err);
}

int archive_scan_parts(struct archive *archive, struct error *err)
{
        uint64_t start = 0;

        for (size_t i = 0; i < archive->part_count; i++) {
                struct part *part = &archive->parts[i];
                int ret;

                part->start = start;
                if (archive->compression == COMPRESSION_NONE)
                        archive->compression = part->compression;
                ret = scan_part(archive, part, err);
                if (ret < 0)
                        return ret;
                if (add_overflow(start, part->length, &start) || start > TAR_SIZE_LIMIT)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                         archive->path);
        }
        archive->stream_size = start + (uint64_t)2 * TAR_BLOCK;
        return 0;
}

const struct part *archive_part_of(const struct archive *archive, const struct archive_member *member)
{
        size_t i = archive->part_count;

        while (--i > 0 && archive->parts[i].start > member->header)
                ;
        return &archive->parts[i];
}
