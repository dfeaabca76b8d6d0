/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over what can only be read forward: while its members become known, what may be asked for is kept,
 * and a visitor gets all that it wants. */
#include <errno.h>
#include <fcntl.h>
#include "archive/internal.h"
#include "archive/walk.h"
#include "base/file.h"

/* Where what has no room in memory is kept. */
#define SPILL_DIRECTORY "/var/tmp"
#define SPILL_CHUNK     (64 * KIB)

/* Headers of one member: long names, pax records. */
#define HEADERS_MAX (16 * MIB)

struct forward {
        struct archive *archive;
        struct part *part;
        const struct archive_visitor *visitor;
        struct stream *stream;
        struct tar_walk walk;
        uint64_t position;    /* of the pass */
        uint64_t end;         /* where the padding of the member that was added last ends */
        bool ended;           /* the end marker was seen */
        struct buffer header; /* bytes of a member that is not known yet */
};

/* --- what is kept ------------------------------------------------------------------------------------------
 */

/* Contents nobody reads as a whole in order to look: memory, file systems, logs. */
static bool is_bulk(const char *name)
{
        return text_starts_with(name, "checkpoint/pages-") ||
               text_starts_with(name, "checkpoint/amdgpu-pages-") || text_starts_with(name, "volumes/") ||
               text_ends_with(name, ".tar") || text_ends_with(name, ".log");
}

static int keep_in_memory(struct forward *forward, struct kept *kept, size_t size, struct error *err)
{
        ssize_t n;

        if (buffer_reserve(&kept->bytes, size) < 0)
                return error_oom(err);
        n = tar_walk_read(&forward->walk, kept->bytes.data, size, err);
        if (n < 0)
                return (int)n;
        kept->bytes.size = size;
        return 0;
}

static int copy_to_spill(struct forward *forward, uint64_t size, struct error *err)
{
        _cleanup_free_ uint8_t *chunk = malloc(SPILL_CHUNK);
        struct archive *archive = forward->archive;

        if (!chunk)
                return error_oom(err);
        while (size) {
                ssize_t n = tar_walk_read(&forward->walk, chunk,
                                          size < SPILL_CHUNK ? (size_t)size : SPILL_CHUNK, err);
                int ret = n < 0 ? (int)n
                                : file_pwrite_full(archive->spill, chunk, (size_t)n, archive->spill_size);

                if (n < 0)
                        return ret;
                if (ret < 0)
                        return error_errno(err, -ret, "cannot keep a part of `%s` in a file in %s",
                                           archive->path, SPILL_DIRECTORY);
                archive->spill_size += (uint64_t)n;
                size -= (uint64_t)n;
        }
        return 0;
}

/* What was encrypted is never on a disk as it is. */
static bool may_spill(struct archive *archive, const struct part *part)
{
        if (archive_is_encrypted(archive) || part->key.data)
                return false;
        if (archive->spill < 0)
                archive->spill = open(SPILL_DIRECTORY, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        return archive->spill >= 0;
}

static int keep_in_file(struct forward *forward, struct kept *kept, uint64_t size, struct error *err)
{
        kept->place = forward->archive->spill_size;
        kept->spilled = true;
        return copy_to_spill(forward, size, err);
}

/* Keeps the last `size` bytes of the member that was added last: in memory while `total` is below `max`, or
 * in the file, as far as there is room for what nobody `asked` for. */
static int keep_end(struct forward *forward, uint64_t size, uint64_t *total, uint64_t max, bool asked,
                    struct error *err)
{
        struct archive *archive = forward->archive;
        struct kept *kept = &archive->kept[archive->count - 1];
        bool fits = size <= max - *total;
        int ret;

        if (!fits && !asked &&
            (archive->spill_size > ARCHIVE_SPILL_MAX || size > ARCHIVE_SPILL_MAX - archive->spill_size))
                return 0;
        if (!fits && !may_spill(archive, forward->part))
                return 0;
        kept->from = forward->walk.left - size;
        ret = tar_walk_skip(&forward->walk, kept->from, err);
        if (ret < 0)
                return ret;
        if (!fits)
                return keep_in_file(forward, kept, size, err);
        *total += size;
        return keep_in_memory(forward, kept, (size_t)size, err);
}

/* What may be asked for when somebody looks, and what the visitor asks for. */
static int keep_contents(struct forward *forward, struct error *err)
{
        const struct archive_visitor *visitor = forward->visitor;
        struct archive *archive = forward->archive;
        const struct archive_member *member = &archive->members[archive->count - 1];
        bool asked = visitor->keeps && visitor->keeps(visitor->context, member);

        if (!member->size)
                return 0;
        if (asked || member->size <= ARCHIVE_SMALL_MAX || !is_bulk(member->name))
                return keep_end(forward, member->size, &archive->kept_size, ARCHIVE_KEPT_MAX, asked, err);
        if (archive_is_pages_member(member))
                return keep_end(forward, ARCHIVE_END_SIZE, &archive->ends_size, ARCHIVE_ENDS_MAX, false, err);
        return 0;
}

/* --- what is handed out ------------------------------------------------------------------------------------
 */

static int hand_out(struct forward *forward, struct slice bytes, struct error *err)
{
        const struct archive *archive = forward->archive;
        const struct archive_visitor *visitor = forward->visitor;
        const struct archive_member *member =
                archive->count && !forward->ended ? &archive->members[archive->count - 1] : NULL;

        return bytes.size ? visitor->bytes(visitor->context, member, bytes, err) : 0;
}

/* All bytes of the part come through here. Up to where the padding of a member ends they are its own; those
 * behind are the header of one that is not known yet. */
static int pass_on(void *context, struct slice bytes, struct error *err)
{
        struct forward *forward = context;
        const struct progress *progress = forward->visitor->progress;
        uint64_t left = forward->end > forward->position ? forward->end - forward->position : 0;
        struct slice own;
        int ret;

        if (progress_cancelled(progress))
                return error_set(err, &ERROR_CANCELLED, -ECANCELED, "reading `%s` was interrupted",
                                 forward->archive->path);
        progress_step(progress, forward->visitor->phase, stream_source_position(forward->stream),
                      forward->part->size);
        if (!forward->visitor->bytes)
                return 0;
        slice_take(&bytes, left < bytes.size && !forward->ended ? (size_t)left : bytes.size, &own);
        forward->position += own.size + bytes.size;
        ret = hand_out(forward, own, err);
        if (ret < 0 || !bytes.size)
                return ret;
        if (bytes.size > HEADERS_MAX - forward->header.size)
                return error_set(err, &ERROR_ARCHIVE_CORRUPT, -EBADMSG, "`%s` has absurdly large headers",
                                 forward->archive->path);
        return buffer_append(&forward->header, bytes.data, bytes.size) < 0 ? error_oom(err) : 0;
}

static int hand_out_header(struct forward *forward, struct error *err)
{
        int ret = forward->visitor->bytes ? hand_out(forward, buffer_slice(&forward->header), err) : 0;

        forward->header.size = 0;
        return ret;
}

/* Contents, of which what the visitor does not read is left to be passed over. A tar is expanded. */
static int hand_out_contents(struct forward *forward, archive_contents wanted, struct error *err)
{
        const struct archive *archive = forward->archive;
        const struct archive_member *member = &archive->members[archive->count - 1];
        bool expand = archive_is_tar_member(member);
        struct tar_walk *walk = &forward->walk;
        _cleanup_stream_ struct stream *contents = NULL;
        int ret;

        if (walk->left == member->size)
                ret = stream_open_within(forward->stream, member->size, member->name, expand, &contents, err);
        else
                ret = stream_open_member(archive, member, expand, &contents, err);
        if (ret == 0)
                ret = wanted(forward->visitor->context, member, contents, err);
        walk->left = walk->contents + walk->entry.size - stream_position(forward->stream);
        return ret;
}

/* --- the pass ----------------------------------------------------------------------------------------------
 */

static int take_entry(struct forward *forward, struct error *err)
{
        struct archive *archive = forward->archive;
        const struct tar_walk *walk = &forward->walk;
        size_t before = archive->count;
        archive_contents wanted;
        int ret = archive_add_entry(archive, forward->part, walk, err);

        if (ret < 0)
                return ret;
        if (archive->count == before) /* the root of the archive: bytes of the member beside it */
                return before ? hand_out_header(forward, err) : 0;
        forward->end = walk->contents + tar_padded(walk->entry.size);
        wanted = archive_visitor_wants(forward->visitor, &archive->members[before]);
        ret = hand_out_header(forward, err);
        if (ret == 0 && (!wanted || archive_is_tar_member(&archive->members[before])))
                ret = keep_contents(forward, err);
        return ret == 0 && wanted ? hand_out_contents(forward, wanted, err) : ret;
}

/* Behind the end marker: for a digest, and for who wants all bytes. Those of a part of several belong to
 * none. */
static int read_rest(struct forward *forward, struct error *err)
{
        bool wanted = forward->visitor->bytes && !forward->archive->joined;
        uint8_t scratch[8 * KIB];
        ssize_t n = 0;
        int ret = 0;

        forward->part->length = forward->walk.header;
        forward->ended = true;
        if (wanted)
                ret = hand_out_header(forward, err);
        else
                stream_set_tap(forward->stream, NULL, NULL);
        if (ret == 0 && (wanted || forward->part->has_digest))
                while ((n = stream_read(forward->stream, scratch, sizeof(scratch), err)) > 0)
                        ;
        return ret < 0 ? ret : (int)n;
}

/* Who wants all bytes works at them while more are expanded. */
static int open_part(struct forward *forward, struct error *err)
{
        struct stream *stream = NULL;
        int ret = stream_open_part(forward->archive, forward->part, true, &stream, err);

        if (ret == 0 && forward->visitor->bytes)
                ret = stream_open_ahead(stream, &stream, err);
        if (ret < 0)
                return ret;
        stream_set_tap(stream, pass_on, forward);
        forward->stream = stream;
        return 0;
}

int archive_read_forward(struct archive *archive, struct part *part, const struct archive_visitor *visitor,
                         struct error *err)
{
        struct forward forward = {.archive = archive, .part = part, .visitor = visitor};
        int ret = open_part(&forward, err);

        if (ret < 0)
                return ret;
        forward.walk = (struct tar_walk){.stream = forward.stream,
                                         .what = archive->path,
                                         .unproven = !archive->joined,
                                         .end_optional = archive->joined};
        while ((ret = tar_walk_next(&forward.walk, err)) > 0 && (ret = take_entry(&forward, err)) == 0)
                ;
        if (ret == 0)
                ret = read_rest(&forward, err);
        tar_walk_done(&forward.walk);
        stream_free(forward.stream);
        buffer_free(&forward.header);
        return ret;
}
