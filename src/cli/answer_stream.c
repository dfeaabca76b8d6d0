/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include "cli/answer_stream.h"
#include "cli/text.h"

#define INDENTATION 4

static void new_line(const struct answer_stream *stream)
{
        printf("\n%*s", (int)(stream->depth * INDENTATION), "");
}

static void print_text(const char *text)
{
        struct answer_stream whole = {0};

        putchar('"');
        answer_stream_text_part(&whole, SLICE_TEXT(text));
        putchar('"');
}

/* What stands before a value. */
static void begin_value(struct answer_stream *stream, const char *name)
{
        if (stream->has_before)
                fputs(stream->pretty ? "," : ", ", stdout);
        if (stream->pretty && stream->depth > 0)
                new_line(stream);
        if (name) {
                print_text(name);
                fputs(": ", stdout);
        }
        stream->has_before = true;
}

void answer_stream_open(struct answer_stream *stream, const char *name, char bracket)
{
        begin_value(stream, name);
        putchar(bracket);
        stream->depth++;
        stream->has_before = false;
}

void answer_stream_close(struct answer_stream *stream, char bracket)
{
        stream->depth--;
        if (stream->pretty && stream->has_before)
                new_line(stream);
        putchar(bracket);
        stream->has_before = true;
        if (stream->depth == 0)
                putchar('\n');
}

void answer_stream_unsigned(struct answer_stream *stream, const char *name, uint64_t value)
{
        begin_value(stream, name);
        printf("%" PRIu64, value);
}

void answer_stream_signed(struct answer_stream *stream, const char *name, int64_t value)
{
        begin_value(stream, name);
        printf("%" PRId64, value);
}

void answer_stream_bool(struct answer_stream *stream, const char *name, bool value)
{
        begin_value(stream, name);
        fputs(value ? "true" : "false", stdout);
}

void answer_stream_text(struct answer_stream *stream, const char *name)
{
        begin_value(stream, name);
        putchar('"');
}

/* Bytes at the front that JSON takes as they are. */
static size_t plain_length(struct slice text)
{
        size_t size = 0;

        while (size < text.size && text.data[size] >= ' ' && text.data[size] < 0x7f &&
               text.data[size] != '"' && text.data[size] != '\\')
                size++;
        return size;
}

static size_t print_character(struct slice text)
{
        uint32_t code;
        size_t size = utf8_decode(text, &code);

        if (size == 0)
                fputs("\xef\xbf\xbd", stdout); /* U+FFFD */
        else if (code == '\n')
                fputs("\\n", stdout);
        else if (code == '"' || code == '\\')
                printf("\\%c", (char)code);
        else if (code < ' ' || code == 0x7f)
                printf("\\u%04x", code);
        else
                fwrite(text.data, 1, size, stdout);
        return size ? size : 1;
}

void answer_stream_text_part(struct answer_stream *stream, struct slice text)
{
        while (text.size > 0) {
                size_t size = plain_length(text);

                if (size > 0)
                        fwrite(text.data, 1, size, stdout);
                else
                        size = print_character(text);
                text.data += size;
                text.size -= size;
        }
}

void answer_stream_text_end(struct answer_stream *stream)
{
        putchar('"');
}
