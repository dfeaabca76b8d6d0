/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decisive lines of a CRIU log. A line is "(00.012345)      1: Error (criu/file.c:12): text"; lines of
 * the code that CRIU runs inside a process have "pie: 1: " in place of the time; tools that CRIU calls (nft,
 * ip) write with neither, and so do second lines of a message.
 */
#include <errno.h>
#include <stdlib.h>
#include "criu/log.h"

/* Only the end of a log is looked at: CRIU stops at the first fatal error, and debug logs reach many
 * megabytes. */
#define SCAN_LIMIT (256 * KIB)
/* A warning or a tool's line counts as an explanation of an error when at most so many other lines lie
 * between. */
#define CONTEXT_LINES 4
#define LINE_LIMIT    400

enum line_kind { LINE_ORDINARY, LINE_ERROR, LINE_WARNING, LINE_FOREIGN };

/* Appear in logs of dumps and restores that succeed. */
static const char *const harmless[] = {"rlimit: Can't setup RLIMIT_NOFILE", "ddress already assigned",
                                       "Set CLONE_PARENT | CLONE_NEWPID", NULL};

bool criu_line_take(struct slice *rest, struct slice *line)
{
        const uint8_t *end;
        struct slice newline;

        if (rest->size == 0)
                return false;
        end = memchr(rest->data, '\n', rest->size);
        slice_take(rest, end ? (size_t)(end - rest->data) : rest->size, line);
        slice_take(rest, 1, &newline);
        return true;
}

static bool line_contains(struct slice line, const char *text)
{
        return memmem(line.data, line.size, text, strlen(text)) != NULL;
}

/* Cuts "(00.012345) " and the blanks that pad a process ID off the front. */
static bool line_strip_time(struct slice *line)
{
        struct slice head, rest = *line;
        const uint8_t *end = memchr(rest.data, ')', rest.size);

        if (rest.size == 0 || rest.data[0] != '(' || !end ||
            !slice_take(&rest, (size_t)(end - rest.data) + 1, &head))
                return false;
        for (size_t i = 1; i + 1 < head.size; i++)
                if ((head.data[i] < '0' || head.data[i] > '9') && head.data[i] != '.')
                        return false;
        while (rest.size > 0 && (rest.data[0] == ' ' || rest.data[0] == '\t'))
                slice_take(&rest, 1, &head);
        *line = rest;
        return true;
}

static enum line_kind line_kind(struct slice line)
{
        bool timed = line_strip_time(&line);

        for (size_t i = 0; harmless[i]; i++)
                if (line_contains(line, harmless[i]))
                        return LINE_ORDINARY;
        if (line_contains(line, "Error ("))
                return LINE_ERROR;
        if (line_contains(line, "Warn  ("))
                return LINE_WARNING;
        if (timed || line.size == 0 || (line.size > 4 && memcmp(line.data, "pie:", 4) == 0))
                return LINE_ORDINARY;
        return LINE_FOREIGN;
}

/* The newest `most` lines that were pushed. */
struct ring {
        struct slice *lines;
        unsigned most;
        size_t count; /* ever pushed */
};

/* CRIU repeats some errors hundreds of times: a line that says the same as the one before is left out. */
static void ring_push(struct ring *ring, struct slice line)
{
        line_strip_time(&line);
        if (ring->count > 0) {
                struct slice last = ring->lines[(ring->count - 1) % ring->most];

                if (last.size == line.size && memcmp(last.data, line.data, line.size) == 0)
                        return;
        }
        ring->lines[ring->count++ % ring->most] = line;
}

static void log_scan(struct slice log, struct ring *ring)
{
        struct slice line, context[CONTEXT_LINES];
        unsigned held = 0, quiet = 0;
        bool after_error = false;

        while (criu_line_take(&log, &line)) {
                enum line_kind kind = line_kind(line);

                if (kind == LINE_ERROR) {
                        for (unsigned i = 0; i < held; i++)
                                ring_push(ring, context[i]);
                        ring_push(ring, line);
                        held = quiet = 0;
                        after_error = true;
                } else if (kind == LINE_FOREIGN && after_error) {
                        ring_push(ring, line);
                } else if (kind != LINE_ORDINARY) {
                        if (held == CONTEXT_LINES)
                                memmove(context, context + 1, --held * sizeof(context[0]));
                        context[held++] = line;
                        quiet = 0;
                        after_error = false;
                } else {
                        if (++quiet > CONTEXT_LINES)
                                held = 0;
                        after_error = false;
                }
        }
}

static void runtime_scan(struct slice text, struct ring *ring)
{
        struct slice line;

        while (criu_line_take(&text, &line))
                if (line_kind(line) != LINE_ORDINARY)
                        ring_push(ring, line);
}

/* Logs quote names chosen by the programs in the container: nothing but plain ASCII reaches a terminal. */
static int line_append(struct slice line, struct buffer *out)
{
        char text[LINE_LIMIT] = {0};
        size_t size = line.size < LINE_LIMIT ? line.size : LINE_LIMIT;
        int r;

        for (size_t i = 0; i < size; i++) {
                uint8_t byte = line.data[i] == '\t' ? ' ' : line.data[i];

                text[i] = byte < ' ' || byte > '~' ? '?' : (char)byte;
        }
        r = buffer_append(out, text, size);
        return r < 0 ? r : buffer_append_text(out, size < line.size ? "...\n" : "\n");
}

static int ring_append(const struct ring *ring, struct buffer *out)
{
        size_t first = ring->count > ring->most ? ring->count - ring->most : 0;

        for (size_t i = first; i < ring->count; i++) {
                int r = line_append(ring->lines[i % ring->most], out);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The last part of `text` that is scanned, from the start of a line on. */
static struct slice text_tail(struct slice text)
{
        struct slice skipped;

        if (text.size > SCAN_LIMIT) {
                slice_take(&text, text.size - SCAN_LIMIT, &skipped);
                criu_line_take(&text, &skipped);
        }
        return text;
}

static int excerpt(struct slice text, void (*scan)(struct slice text, struct ring *ring), unsigned most,
                   struct buffer *out)
{
        _cleanup_free_ struct slice *lines = calloc(most, sizeof(*lines));
        struct ring ring = {.lines = lines, .most = most};

        if (!lines)
                return -ENOMEM;
        scan(text_tail(text), &ring);
        return ring_append(&ring, out);
}

int criu_log_excerpt(struct slice log, unsigned most, struct buffer *out)
{
        return excerpt(log, log_scan, most, out);
}

int criu_runtime_excerpt(struct slice text, unsigned most, struct buffer *out)
{
        return excerpt(text, runtime_scan, most, out);
}
