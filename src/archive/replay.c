/* SPDX-License-Identifier: Apache-2.0 */
/* The whole tar stream, handed member by member to a sink. */
#include <errno.h>
#include "archive/internal.h"
#include "archive/prefetch.h"
#include "base/file.h"

#define COPY_SIZE (1 * MIB)

static const uint8_t zeros[2 * TAR_BLOCK];

/* Where a member's bytes end and the next one's begin. */
static uint64_t member_end(const struct archive *archive, size_t index)
{
        const struct archive_member *member = &archive->members[index];

        return index + 1 < archive->count ? archive->members[index + 1].header
                                          : member->offset + tar_padded(member->size);
}

/* Where a replay is: in the stream and among the members. */
struct place {
        uint64_t position;
        size_t index;
};

/* Hands out the chunk, cut where members end. */
static int deliver(const struct archive *archive, struct place *place, struct slice chunk, archive_sink sink,
                   void *context, struct error *err)
{
        while (chunk.size) {
                const struct archive_member *member = NULL;
                size_t size = chunk.size;
                struct slice raw;
                int ret;

                while (place->index < archive->count && member_end(archive, place->index) <= place->position)
                        place->index++;
                if (place->index < archive->count) {
                        uint64_t left = member_end(archive, place->index) - place->position;

                        member = &archive->members[place->index];
                        size = size > left ? (size_t)left : size;
                }
                slice_take(&chunk, size, &raw);
                place->position += size;
                ret = sink(context, member, raw, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

/* Unknown (0) when it is expanded without an index. */
static uint64_t expected_size(const struct archive *archive, const struct part *part)
{
        if (archive->joined)
                return part->compression == COMPRESSION_NONE ? part->length : 0;
        return archive->stream_size;
}

/* Of a part of a joined archive, the bytes behind its members are read for its digest alone. */
static int replay_part(const struct archive *archive, const struct part *part, struct place *place,
                       archive_sink sink, void *context, struct error *err)
{
        _cleanup_prefetch_ struct prefetch *prefetch = NULL;
        uint64_t left = archive->joined ? part->length : UINT64_MAX;
        struct stream *stream = NULL;
        struct slice chunk;
        int ret = stream_open_part(archive, part, true, &stream, err);

        if (ret == 0)
                ret = prefetch_new(stream, expected_size(archive, part), &prefetch, err);
        if (ret < 0)
                return ret;
        while ((ret = prefetch_next(prefetch, &chunk, err)) > 0) {
                if (chunk.size > left)
                        chunk.size = (size_t)left;
                left -= chunk.size;
                ret = deliver(archive, place, chunk, sink, context, err);
                if (ret < 0)
                        return ret;
        }
        return ret;
}

int archive_replay_end(archive_sink sink, void *context, struct error *err)
{
        return sink(context, NULL, (struct slice){zeros, sizeof(zeros)}, err);
}

static int replay_tar(const struct archive *archive, archive_sink sink, void *context, struct error *err)
{
        struct place place = {0};

        for (size_t i = 0; i < archive->part_count; i++) {
                int ret = replay_part(archive, &archive->parts[i], &place, sink, context, err);

                if (ret < 0)
                        return ret;
        }
        if (archive->count && place.position < member_end(archive, archive->count - 1))
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short", archive->path);
        return archive->joined ? archive_replay_end(sink, context, err) : 0;
}

int archive_replay_part(const struct archive *archive, const struct part *part, archive_sink sink,
                        void *context, struct error *err)
{
        struct place place = {.position = part->start};

        return replay_part(archive, part, &place, sink, context, err);
}

static int replay_header(const struct archive_member *member, archive_sink sink, void *context,
                         struct error *err)
{
        struct tar_entry entry = {.type = member->type, .mode = member->mode, .size = member->size};
        uint8_t block[TAR_BLOCK];

        snprintf(entry.name, sizeof(entry.name), "%s%s", member->name,
                 member->type == TAR_DIRECTORY ? "/" : "");
        if (!tar_header_write(&entry, block))
                return error_set(err, &ERROR_ARCHIVE_NAME, -EBADMSG, "`%s` does not fit into a tar header",
                                 member->name);
        return sink(context, member, (struct slice){block, sizeof(block)}, err);
}

static int replay_contents(const struct archive *archive, const struct archive_member *member, uint8_t *copy,
                           archive_sink sink, void *context, struct error *err)
{
        _cleanup_stream_ struct stream *stream = NULL;
        uint64_t left = member->size;
        int ret = stream_open_member(archive, member, false, &stream, err);

        while (ret == 0 && left) {
                ssize_t n = stream_read(stream, copy, COPY_SIZE, err);

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                         "`%s/%s` changed while it was read", archive->path, member->name);
                left -= (uint64_t)n;
                ret = sink(context, member, (struct slice){copy, (size_t)n}, err);
        }
        if (ret < 0)
                return ret;
        return sink(context, member, (struct slice){zeros, (size_t)(tar_padded(member->size) - member->size)},
                    err);
}

/* A directory gets the headers that a tar of it would have. */
static int replay_directory(const struct archive *archive, archive_sink sink, void *context,
                            struct error *err)
{
        _cleanup_free_ uint8_t *copy = malloc(COPY_SIZE);
        int ret = copy ? 0 : error_oom(err);

        for (size_t i = 0; i < archive->count && ret == 0; i++) {
                const struct archive_member *member = &archive->members[i];

                ret = replay_header(member, sink, context, err);
                if (ret == 0 && member->type == TAR_FILE)
                        ret = replay_contents(archive, member, copy, sink, context, err);
        }
        return ret < 0 ? ret : archive_replay_end(sink, context, err);
}

int archive_stream(const struct archive *archive, archive_sink sink, void *context, struct error *err)
{
        if (archive->form == ARCHIVE_DIRECTORY)
                return replay_directory(archive, sink, context, err);
        return replay_tar(archive, sink, context, err);
}
