/* SPDX-License-Identifier: Apache-2.0 */
/* Going through an archive once: what is unread is read by it, all else is handed out from where it lies. */
#include <errno.h>
#include "archive/internal.h"
#include "archive/stream.h"

bool archive_is_tar_member(const struct archive_member *member)
{
        return member->type == TAR_FILE && text_ends_with(member->name, ".tar");
}

bool archive_is_pages_member(const struct archive_member *member)
{
        return member->type == TAR_FILE && text_starts_with(member->name, "checkpoint/pages-");
}

archive_contents archive_visitor_wants(const struct archive_visitor *visitor,
                                       const struct archive_member *member)
{
        if (archive_is_tar_member(member))
                return visitor->tar;
        return archive_is_pages_member(member) ? visitor->pages : NULL;
}

/* Of the members from `first` on. */
static int visit_contents(const struct archive *archive, size_t first, const struct archive_visitor *visitor,
                          struct error *err)
{
        for (size_t i = first; i < archive->count; i++) {
                const struct archive_member *member = &archive->members[i];
                archive_contents wanted = archive_visitor_wants(visitor, member);
                _cleanup_stream_ struct stream *contents = NULL;
                int ret;

                if (!wanted)
                        continue;
                ret = stream_open_member(archive, member, archive_is_tar_member(member), &contents, err);
                if (ret == 0)
                        ret = wanted(visitor->context, member, contents, err);
                if (ret < 0)
                        return ret;
        }
        return 0;
}

/* Bytes on their way to a visitor. */
struct passage {
        const struct archive *archive;
        const struct archive_visitor *visitor;
        uint64_t position;
};

static int pass_on(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        struct passage *passage = context;
        const struct archive_visitor *visitor = passage->visitor;

        if (progress_cancelled(visitor->progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "reading `%s` was interrupted",
                                 passage->archive->path);
        passage->position += raw.size;
        progress_step(visitor->progress, visitor->phase, passage->position, passage->archive->stream_size);
        return visitor->bytes(visitor->context, member, raw, err);
}

/* A part that is not compressed, of several of which another is. */
static int scan_plain(struct archive *archive, struct part *part, const struct archive_visitor *visitor,
                      struct error *err)
{
        struct passage passage = {archive, visitor, part->start};
        size_t first = archive->count;
        int ret = archive_scan_part(archive, part, err);

        if (ret == 0 && visitor->bytes)
                ret = archive_replay_part(archive, part, pass_on, &passage, err);
        return ret < 0 ? ret : visit_contents(archive, first, visitor, err);
}

int archive_scan_through(struct archive *archive, const struct archive_visitor *visitor, struct error *err)
{
        uint64_t start = 0;

        for (size_t i = 0; i < archive->part_count; i++) {
                struct part *part = &archive->parts[i];
                int ret;

                part->start = start;
                ret = archive_part_is_forward(part) ? archive_read_forward(archive, part, visitor, err)
                                                    : scan_plain(archive, part, visitor, err);
                if (ret < 0)
                        return ret;
                if (add_overflow(start, part->length, &start) || start > TAR_SIZE_LIMIT)
                        return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` is absurdly large",
                                         archive->path);
        }
        if (!archive->joined)
                return 0;
        archive->stream_size = start + (uint64_t)2 * TAR_BLOCK;
        return visitor->bytes ? archive_replay_end(visitor->bytes, visitor->context, err) : 0;
}

int archive_visit(struct archive *archive, const struct archive_visitor *visitor, struct error *err)
{
        struct passage passage = {.archive = archive, .visitor = visitor};
        int ret = 0;

        if (archive->unread) {
                ret = archive_scan_through(archive, visitor, err);
                if (ret == 0)
                        ret = archive_complete(archive, err);
                archive->unread = ret < 0;
                return ret;
        }
        if (visitor->bytes)
                ret = archive_stream(archive, pass_on, &passage, err);
        return ret < 0 ? ret : visit_contents(archive, 0, visitor, err);
}
