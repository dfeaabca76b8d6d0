/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_reader.h"

#include <errno.h>

int memory_reader_open(struct archive *archive, const struct memory_plan *plan,
                       const struct memory_scan *scan, struct memory_reader *out, struct error *err)
{
        *out = (struct memory_reader){
                .archive = archive, .scan = scan, .source = archive_criu_source(archive)};
        out->walk.plan = plan;
        out->carry = malloc(scan->before + scan->after + 1);
        if (!out->carry)
                return error_oom(err);
        return 0;
}

void memory_reader_close(struct memory_reader *reader)
{
        memory_walk_done(&reader->walk);
        if (reader->stream)
                stream_free(reader->stream);
        if (reader->carry)
                explicit_bzero(reader->carry, reader->scan->before + reader->scan->after);
        free(reader->carry);
}

/* Opens what holds the extent: one stream for a whole tar, one for each member of a directory. */
static int open_stream(struct memory_reader *reader, struct error *err)
{
        bool directory = archive_form(reader->archive) == ARCHIVE_DIRECTORY;

        if (reader->stream && (!directory || reader->opened == reader->extent.segment))
                return 0;
        if (reader->stream)
                stream_free(steal_ptr(reader->stream));
        reader->opened = reader->extent.segment;
        return directory ? stream_open_member(reader->archive, reader->extent.segment->pages, false,
                                              &reader->stream, err)
                         : stream_open(reader->archive, &reader->stream, err);
}

static int go_to_extent(struct memory_reader *reader, struct error *err)
{
        const struct archive_member *pages = reader->extent.segment->pages;
        uint64_t target = reader->extent.offset, position;
        int ret = open_stream(reader, err);

        if (ret < 0)
                return ret;
        if (archive_form(reader->archive) == ARCHIVE_TAR)
                target += pages->offset;
        position = stream_position(reader->stream);
        if (target < position)
                return error_set(err, &ERROR_ARCHIVE_INCONSISTENT, -EBADMSG,
                                 "`%s`: two page maps say that `%s` is theirs", archive_path(reader->archive),
                                 pages->name);
        return stream_skip(reader->stream, target - position, err);
}

/* Makes `extent` one with bytes. 0: there is none any more. */
static int want_extent(struct memory_reader *reader, struct error *err)
{
        int ret;

        if (reader->extent.size)
                return 1;
        reader->walk.source = &reader->source;
        ret = memory_walk_next(&reader->walk, &reader->extent, err);
        if (ret <= 0)
                return ret;
        ret = go_to_extent(reader, err);
        return ret < 0 ? ret : 1;
}

/* Reads up to `size` bytes that follow `address` in the memory of the run. Short where it ends. */
static ssize_t read_run(struct memory_reader *reader, uint64_t address, uint8_t *data, size_t size,
                        struct error *err)
{
        size_t done = 0;

        while (done < size) {
                struct memory_extent *extent = &reader->extent;
                size_t part;
                ssize_t n;
                int ret = want_extent(reader, err);

                if (ret < 0)
                        return ret;
                if (ret == 0 || extent->process != reader->process || extent->address != address + done)
                        break;
                part = extent->size < size - done ? (size_t)extent->size : size - done;
                n = stream_read(reader->stream, data + done, part, err);
                if (n < 0)
                        return n;
                if ((size_t)n < part)
                        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG, "`%s` is cut short in `%s`",
                                         archive_path(reader->archive), extent->segment->pages->name);
                extent->address += part;
                extent->size -= part;
                done += part;
        }
        return (ssize_t)done;
}

/* Keeps what the window after `window` shares with it. */
static void keep_carry(struct memory_reader *reader, const struct memory_window *window)
{
        size_t behind = window->before + window->size;

        if (window->last && window->after == 0) {
                reader->process = NULL;
                return;
        }
        reader->at_start = window->first && behind <= reader->scan->before;
        reader->carry_before = behind < reader->scan->before ? behind : reader->scan->before;
        reader->carry_after = window->after;
        reader->address = window->address + window->size;
        memcpy(reader->carry, window->data + window->size - reader->carry_before,
               reader->carry_before + reader->carry_after);
}

static int begin_run(struct memory_reader *reader, struct error *err)
{
        int ret = want_extent(reader, err);

        if (ret <= 0)
                return ret;
        reader->process = reader->extent.process;
        reader->address = reader->extent.address;
        reader->carry_before = reader->carry_after = 0;
        reader->at_start = true;
        return 1;
}

/* 1: the next window of the run; 0: it ended with the one before. */
static int next_of_run(struct memory_reader *reader, uint8_t *space, size_t room, struct memory_window *out,
                       size_t *used, struct error *err)
{
        const struct memory_scan *scan = reader->scan;
        size_t wanted = scan->size + scan->after, have;
        ssize_t n;

        if (wanted > room - reader->carry_before)
                wanted = (room - reader->carry_before) & ~(size_t)(CRIU_PAGE_SIZE - 1);
        have = reader->carry_after;
        memcpy(space, reader->carry, reader->carry_before + have);
        n = read_run(reader, reader->address + have, space + reader->carry_before + have, wanted - have, err);
        if (n < 0)
                return (int)n;
        have += (size_t)n;
        if (have == 0)
                return 0;
        *out = (struct memory_window){
                .process = reader->process,
                .address = reader->address,
                .data = space + reader->carry_before,
                .size = have < wanted ? have : wanted - scan->after,
                .before = reader->carry_before,
                .first = reader->at_start,
                .last = have < wanted,
        };
        if (out->last && out->size > scan->size)
                out->size = scan->size;
        out->after = have - out->size;
        *used = reader->carry_before + have;
        keep_carry(reader, out);
        return 1;
}

int memory_reader_next(struct memory_reader *reader, uint8_t *space, size_t room, struct memory_window *out,
                       size_t *used, struct error *err)
{
        int ret = reader->process ? next_of_run(reader, space, room, out, used, err) : 0;

        if (ret != 0)
                return ret;
        ret = begin_run(reader, err);
        return ret <= 0 ? ret : next_of_run(reader, space, room, out, used, err);
}
