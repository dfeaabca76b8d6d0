/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/layer_reader.h"

#include <errno.h>
#include "archive/prefetch.h"

/* Where the reader is: behind all members before `next`. */
struct layer_reader {
        const struct archive *archive;
        const struct layer_plan *plan;
        unsigned layer;
        size_t next;
        uint64_t skip; /* bytes of the layer that are still to be left out */
        uint64_t left; /* bytes of the span that is being read */
        struct stream *stream;
        struct prefetch *prefetch; /* of `left` bytes of it */
};

struct span {
        uint64_t start, size;
};

static uint64_t member_end(const struct archive *archive, size_t index)
{
        const struct archive_member *member = archive_at(archive, index);

        return index + 1 < archive_count(archive) ? archive_at(archive, index + 1)->header
                                                  : member->offset + tar_padded(member->size);
}

/* The next members of the layer that lie side by side, from member `*next` on. False: there are none. */
static bool next_span(const struct archive *archive, const struct layer_plan *plan, unsigned layer,
                      size_t *next, struct span *out)
{
        size_t count = archive_count(archive), first;

        while (*next < count && plan->layer_of[*next] != layer)
                ++*next;
        if (*next == count)
                return false;
        first = *next;
        while (*next < count && plan->layer_of[*next] == layer)
                ++*next;
        out->start = archive_at(archive, first)->header;
        out->size = member_end(archive, *next - 1) - out->start;
        return true;
}

uint64_t layer_reader_size(const struct archive *archive, const struct layer_plan *plan, unsigned layer)
{
        uint64_t size = LAYER_END_SIZE;
        struct span span;

        for (size_t next = 0; next_span(archive, plan, layer, &next, &span);)
                size += span.size;
        return size;
}

int layer_reader_open(const struct archive *archive, const struct layer_plan *plan, unsigned layer,
                      uint64_t offset, struct layer_reader **out, struct error *err)
{
        struct layer_reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return error_oom(err);
        reader->archive = archive;
        reader->plan = plan;
        reader->layer = layer;
        reader->skip = offset;
        *out = reader;
        return 0;
}

static void close_span(struct layer_reader *reader)
{
        prefetch_free(steal_ptr(reader->prefetch));
        stream_free(steal_ptr(reader->stream));
}

/* Not a byte behind it is read: where the archive is far away, it would come in vain. */
static int open_span(struct layer_reader *reader, uint64_t start, uint64_t size, struct error *err)
{
        struct stream *within;
        int ret;

        close_span(reader);
        ret = stream_open(reader->archive, &reader->stream, err);
        if (ret == 0)
                ret = stream_skip(reader->stream, start, err);
        if (ret == 0)
                ret = stream_open_within(reader->stream, size, archive_path(reader->archive), false, &within,
                                         err);
        if (ret == 0)
                ret = prefetch_new(within, size, &reader->prefetch, err);
        if (ret == 0)
                reader->left = size;
        return ret;
}

/* 1: there is a span with bytes left; 0: there is none. */
static int advance(struct layer_reader *reader, struct error *err)
{
        struct span span;

        while (!reader->left &&
               next_span(reader->archive, reader->plan, reader->layer, &reader->next, &span)) {
                uint64_t skip = reader->skip < span.size ? reader->skip : span.size;
                int ret;

                reader->skip -= skip;
                if (skip == span.size)
                        continue;
                ret = open_span(reader, span.start + skip, span.size - skip, err);
                if (ret < 0)
                        return ret;
        }
        return reader->left > 0;
}

int layer_reader_next(struct layer_reader *reader, struct slice *bytes, struct error *err)
{
        int ret = advance(reader, err);

        if (ret <= 0)
                return ret;
        ret = prefetch_next(reader->prefetch, bytes, err);
        if (ret == 0)
                return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short",
                                 archive_path(reader->archive));
        if (ret > 0)
                reader->left -= bytes->size;
        return ret;
}

void layer_reader_free(struct layer_reader *reader)
{
        if (!reader)
                return;
        close_span(reader);
        free(reader);
}
