/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "criu/cause_table.h"
#include "criu/log.h"

/* Lines that are matched, and lines that are shown. */
#define MATCH_LINES  64
#define SHOWN_LINES  12
#define DETAIL_LIMIT 300

/* True when the pieces of `pattern` between its '*' appear in `line` in that order. */
static bool pattern_matches(const char *pattern, struct slice line)
{
        while (true) {
                size_t size = strcspn(pattern, "*");
                const uint8_t *found = memmem(line.data, line.size, pattern, size);

                if (!found)
                        return false;
                if (pattern[size] == '\0')
                        return true;
                line.size -= (size_t)(found - line.data) + size;
                line.data = found + size;
                pattern += size + 1;
        }
}

static bool cause_matches(const struct criu_cause *cause, struct slice line)
{
        for (size_t i = 0; cause->patterns[i]; i++)
                if (pattern_matches(cause->patterns[i], line))
                        return true;
        return false;
}

/*
 * One error makes CRIU fail, and on its way out it prints errors that follow from it. So the order of the
 * table decides, not that of the lines.
 */
static const struct criu_cause *cause_find(enum criu_action action, struct slice lines, struct slice *line)
{
        for (size_t i = 0; criu_causes[i]; i++) {
                struct slice rest = lines;

                if (!(criu_causes[i]->actions & (1u << action)))
                        continue;
                while (criu_line_take(&rest, line))
                        if (cause_matches(criu_causes[i], *line))
                                return criu_causes[i];
        }
        /* CRIU stops at the first error that is not harmless. */
        if (!criu_line_take(&lines, line))
                *line = SLICE_TEXT("neither CRIU nor the runtime gave a reason");
        return NULL;
}

/* "Error (criu/sk-inet.c:200): inet: text" → "inet: text". */
static struct slice line_message(struct slice line)
{
        struct slice skipped;
        const uint8_t *location = memmem(line.data, line.size, "Error (", 7);
        const uint8_t *end =
                location ? memmem(location, line.size - (size_t)(location - line.data), "): ", 3) : NULL;

        if (end)
                slice_take(&line, (size_t)(end - line.data) + 3, &skipped);
        return line;
}

bool criu_cause_is_known(enum criu_action action, struct slice runtime_errors)
{
        _cleanup_buffer_ struct buffer lines = {0};
        struct slice line;

        return criu_runtime_excerpt(runtime_errors, MATCH_LINES, &lines) == 0 &&
               cause_find(action, buffer_slice(&lines), &line);
}

int criu_cause_explain(struct error *err, enum criu_action action, const char *subject, struct slice log,
                       struct slice runtime_errors)
{
        _cleanup_buffer_ struct buffer lines = {0}, shown = {0};
        const struct error_kind *kind;
        const struct criu_cause *cause;
        struct slice line;

        if (criu_log_excerpt(log, SHOWN_LINES, &shown) < 0 ||
            (shown.size == 0 && criu_runtime_excerpt(runtime_errors, SHOWN_LINES, &shown) < 0) ||
            criu_log_excerpt(log, MATCH_LINES, &lines) < 0 ||
            criu_runtime_excerpt(runtime_errors, MATCH_LINES, &lines) < 0)
                return error_oom(err);

        cause = cause_find(action, buffer_slice(&lines), &line);
        kind = cause ? &cause->kind : &ERROR_CRIU_UNKNOWN;
        line = line_message(line);
        error_set(err, kind, -EIO, "%s %s failed: %s (%.*s)",
                  action == CRIU_ACTION_DUMP ? "checkpoint of" : "restore of", subject, kind->title,
                  (int)(line.size < DETAIL_LIMIT ? line.size : DETAIL_LIMIT), (const char *)line.data);
        error_set_log(err, buffer_text(&shown));
        return -EIO;
}
