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

static int replay_tar(const struct archive *archive, archive_sink sink, void *context, struct error *err)
{
        _cleanup_prefetch_ struct prefetch *prefetch = NULL;
        struct stream *stream = NULL;
        uint64_t position = 0;
        struct slice chunk;
        size_t index = 0;
        int ret = stream_open(archive, &stream, err);

        if (ret < 0)
                return ret;
        ret = prefetch_new(stream, archive->stream_size, &prefetch, err);
        if (ret < 0)
                return ret;
        while ((ret = prefetch_next(prefetch, &chunk, err)) > 0) {
                while (chunk.size) {
                        const struct archive_member *member = NULL;
                        size_t size = chunk.size;
                        struct slice raw;

                        while (index < archive->count && member_end(archive, index) <= position)
                                index++;
                        if (index < archive->count) {
                                member = &archive->members[index];
                                if (size > member_end(archive, index) - position)
                                        size = (size_t)(member_end(archive, index) - position);
                        }
                        slice_take(&chunk, size, &raw);
                        position += size;
                        ret = sink(context, member, raw, err);
                        if (ret < 0)
                                return ret;
                }
        }
        if (ret == 0 && archive->count && position < member_end(archive, archive->count - 1))
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short", archive->path);
        return ret;
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
        return ret < 0 ? ret : sink(context, NULL, (struct slice){zeros, sizeof(zeros)}, err);
}

int archive_stream(const struct archive *archive, archive_sink sink, void *context, struct error *err)
{
        if (archive->form == ARCHIVE_DIRECTORY)
                return replay_directory(archive, sink, context, err);
        return replay_tar(archive, sink, context, err);
}
