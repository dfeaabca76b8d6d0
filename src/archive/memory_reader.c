/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/memory_reader.h"

#include <errno.h>
#include <inttypes.h>

int memory_reader_new(const struct memory_scan *scan, struct memory_reader *out, struct error *err)
{
        *out = (struct memory_reader){.scan = scan};
        out->carry = malloc(scan->before + scan->after + 1);
        return out->carry ? 0 : error_oom(err);
}

static void close_segment(struct memory_reader *reader)
{
        if (reader->stream)
                memory_walk_close(&reader->walk);
        reader->stream = NULL;
}

int memory_reader_feed(struct memory_reader *reader, const struct criu_source *source,
                       const struct memory_segment *segment, struct stream *stream, struct error *err)
{
        int ret = memory_walk_open(source, segment, &reader->walk, err);

        if (ret < 0)
                return ret;
        reader->stream = stream;
        reader->base = stream_position(stream);
        reader->starved = false;
        return 0;
}

void memory_reader_end(struct memory_reader *reader)
{
        reader->ended = true;
        reader->starved = false;
}

void memory_reader_free(struct memory_reader *reader)
{
        close_segment(reader);
        if (reader->carry)
                explicit_bzero(reader->carry, reader->scan->before + reader->scan->after);
        free(reader->carry);
}

/* Makes `extent` one with bytes. 0: there is none, or none yet. */
static int want_extent(struct memory_reader *reader, struct error *err)
{
        int ret;

        if (reader->extent.size)
                return 1;
        ret = reader->stream ? memory_walk_next(&reader->walk, &reader->extent, err) : 0;
        if (ret < 0)
                return ret;
        if (ret == 0) {
                close_segment(reader);
                reader->starved = !reader->ended;
                return 0;
        }
        ret = stream_skip(reader->stream,
                          reader->base + reader->extent.offset - stream_position(reader->stream), err);
        return ret < 0 ? ret : 1;
}

/* Reads up to `size` bytes that follow `address` in the memory of the run. Short where it ends, or the
 * segment. */
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
                        return error_set(err, &ERROR_ARCHIVE_TRUNCATED, -EBADMSG,
                                         "`checkpoint/pages-%" PRIu32 ".img` is cut short",
                                         reader->walk.segment->pages_id);
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

/* 1: the next window of the run; 0: the run ended with the one before, or the segment did. */
static int next_of_run(struct memory_reader *reader, uint8_t *space, size_t room, struct memory_window *out,
                       size_t *used, struct error *err)
{
        const struct memory_scan *scan = reader->scan;
        size_t wanted = scan->size + scan->after, have;
        ssize_t n;

        if (wanted > room - reader->carry_before)
                wanted = (room - reader->carry_before) & ~(size_t)(CRIU_PAGE_SIZE - 1);
        if (!reader->begun) {
                reader->begun = true;
                reader->have = reader->carry_after;
                memcpy(space, reader->carry, reader->carry_before + reader->have);
        }
        n = read_run(reader, reader->address + reader->have, space + reader->carry_before + reader->have,
                     wanted - reader->have, err);
        if (n < 0)
                return (int)n;
        reader->have += (size_t)n;
        have = reader->have;
        if (have < wanted && reader->starved)
                return 0;
        reader->begun = false;
        if (have == 0) {
                reader->process = NULL;
                return 0;
        }
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

        if (ret != 0 || reader->starved)
                return ret;
        ret = begin_run(reader, err);
        return ret <= 0 ? ret : next_of_run(reader, space, room, out, used, err);
}
