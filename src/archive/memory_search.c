/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "archive/memory_search.h"

#include <errno.h>
#include <inttypes.h>
#include <pcre2.h>
#include <time.h>
#include "criu/pagemap.h"

#define WINDOW (256 * KIB)

/*
 * What a regular expression may try from one place, and processor time for one window, which takes a
 * millisecond: then it is given up. Repetitions without end need no steps, but the time; so they are stopped
 * every SLICE.
 */
#define STEPS_MAX     1000000
#define WINDOW_CPU_MS 1000
#define SLICE         ((size_t)4096)
#define JIT_STACK_MAX (1 * MIB)

struct memory_pattern {
        struct slice text; /* plain */
        pcre2_code *code;  /* NULL: plain */
};

/* One match in a window: offsets from its data. */
struct found {
        uint32_t start, size;
};

struct searching {
        const struct memory_search *search;
        struct memory_scan scan;
        uint64_t end; /* of the last match in this run of memory */
        struct buffer again, shown;
};

void memory_pattern_free(struct memory_pattern *pattern)
{
        if (!pattern)
                return;
        pcre2_code_free(pattern->code);
        free(pattern);
}

static int compile(struct memory_pattern *pattern, struct error *err)
{
        char reason[128] = "";
        size_t offset;
        int code;

        pattern->code = pcre2_compile(pattern->text.data, pattern->text.size,
                                      PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_USE_OFFSET_LIMIT, &code,
                                      &offset, NULL);
        if (!pattern->code) {
                pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` is no regular expression: %s at character %zu",
                                 (const char *)pattern->text.data, reason, offset);
        }
        /* Without it, for want of executable memory, matching is slower and otherwise the same. */
        (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
        return 0;
}

int memory_pattern_new(const char *text, bool regex, struct memory_pattern **out, struct error *err)
{
        _cleanup_memory_pattern_ struct memory_pattern *pattern = calloc(1, sizeof(*pattern));
        int ret;

        if (!pattern)
                return error_oom(err);
        pattern->text = SLICE_TEXT(text);
        if (pattern->text.size == 0 || pattern->text.size > MEMORY_MATCH_MAX)
                return error_set(err, &ERROR_USAGE, -EINVAL, "a pattern has 1 to %llu bytes",
                                 (unsigned long long)MEMORY_MATCH_MAX);
        ret = regex ? compile(pattern, err) : 0;
        if (ret == 0)
                *out = steal_ptr(pattern);
        return ret;
}

/* In blocks of a fixed size, which compilers turn into vector instructions. */
static void to_printable(const uint8_t *from, size_t size, uint8_t *to)
{
        enum { BLOCK = 64 };
        size_t i = 0;

        for (; i + BLOCK <= size; i += BLOCK)
                for (size_t j = i; j < i + BLOCK; j++)
                        to[j] = (uint8_t)(from[j] - ' ') < 0x7f - ' ' ? from[j] : '?';
        for (; i < size; i++)
                to[i] = (uint8_t)(from[i] - ' ') < 0x7f - ' ' ? from[i] : '?';
}

static int add_found(struct buffer *result, size_t start, size_t size, struct error *err)
{
        struct found found = {(uint32_t)start, (uint32_t)size};

        return buffer_append(result, &found, sizeof(found)) < 0 ? error_oom(err) : 0;
}

static int look_plain(const struct memory_pattern *pattern, const struct memory_window *window, size_t start,
                      struct buffer *result, struct error *err)
{
        size_t size = pattern->text.size, limit = window->size + size - 1;
        const uint8_t *match;
        int ret = 0;

        if (limit > window->size + window->after)
                limit = window->size + window->after;
        while (ret == 0 && start < limit &&
               (match = memmem(window->data + start, limit - start, pattern->text.data, size))) {
                ret = add_found(result, (size_t)(match - window->data), size, err);
                start = (size_t)(match - window->data) + size;
        }
        return ret;
}

/* What one thread needs to match. */
struct matcher {
        pcre2_match_data *data;
        pcre2_match_context *context;
        pcre2_jit_stack *stack;
        uint8_t *text;
};

static void matcher_done(struct matcher *matcher)
{
        pcre2_match_data_free(matcher->data);
        pcre2_match_context_free(matcher->context);
        pcre2_jit_stack_free(matcher->stack);
        free(matcher->text);
}

static int matcher_prepare(struct matcher *matcher, const struct memory_pattern *pattern, size_t size,
                           struct error *err)
{
        matcher->data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
        matcher->context = pcre2_match_context_create(NULL);
        matcher->stack = pcre2_jit_stack_create(32 * KIB, JIT_STACK_MAX, NULL);
        matcher->text = malloc(size);
        if (!matcher->data || !matcher->context || !matcher->stack || !matcher->text)
                return error_oom(err);
        pcre2_set_match_limit(matcher->context, STEPS_MAX);
        pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
        return 0;
}

static int64_t thread_cpu_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int given_up(const char *reason, uint64_t address, struct error *err)
{
        int ret = error_set(err, &ERROR_UNSUPPORTED, -E2BIG,
                            "the regular expression tries too much at 0x%" PRIx64 " or behind it: %s",
                            address, reason);

        error_set_hint(err,
                       "avoid repetitions within repetitions and such without an end, or search for plain "
                       "text with --search");
        return ret;
}

static int given_up_by_library(int code, uint64_t address, struct error *err)
{
        char reason[128] = "";

        pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
        return given_up(reason, address, err);
}

/* Adds the match that was found, unless it is empty or in front of the window, where \K can put it. Returns
 * where the next may begin. */
static int add_match(const struct matcher *matcher, size_t before, size_t *from, struct buffer *result,
                     struct error *err)
{
        const size_t *at = pcre2_get_ovector_pointer(matcher->data);
        size_t size = at[1] > at[0] ? at[1] - at[0] : 0, end;
        int ret = 0;

        size = size < MEMORY_MATCH_MAX ? size : MEMORY_MATCH_MAX;
        if (size && at[0] >= before)
                ret = add_found(result, at[0] - before, size, err);
        end = at[0] + size;
        *from = end > *from ? end : *from + 1;
        return ret;
}

static int match_all(const struct memory_pattern *pattern, const struct memory_window *window, size_t start,
                     struct matcher *matcher, struct buffer *result, struct error *err)
{
        size_t before = window->before, end = before + window->size, total = end + window->after;
        uint32_t options =
                PCRE2_NOTEMPTY | (window->first ? 0 : PCRE2_NOTBOL) | (window->last ? 0 : PCRE2_NOTEOL);
        int64_t deadline = thread_cpu_ms() + WINDOW_CPU_MS;
        size_t from = before + start, limit;
        unsigned calls = 0;
        int ret = 0, n;

        while (ret == 0 && from < end) {
                limit = end - from < SLICE ? end : from + SLICE;
                pcre2_set_offset_limit(matcher->context, limit - 1);
                n = pcre2_match(pattern->code, matcher->text, total, from, options, matcher->data,
                                matcher->context);
                if (n < 0 && n != PCRE2_ERROR_NOMATCH)
                        return given_up_by_library(n, window->address + (from - before), err);
                if (n >= 0)
                        ret = add_match(matcher, before, &from, result, err);
                else
                        from = limit;
                if ((n < 0 || ++calls % 64 == 0) && thread_cpu_ms() > deadline)
                        return given_up("it takes too long", window->address + (from - before), err);
        }
        return ret;
}

static int look_regex(const struct memory_pattern *pattern, const struct memory_window *window, size_t start,
                      struct buffer *result, struct error *err)
{
        size_t size = window->before + window->size + window->after;
        _cleanup_(matcher_done) struct matcher matcher = {0};
        int ret = matcher_prepare(&matcher, pattern, size, err);

        if (ret < 0)
                return ret;
        to_printable(window->data - window->before, size, matcher.text);
        return match_all(pattern, window, start, &matcher, result, err);
}

/* Matches that begin at `start` of the window or behind it. */
static int look_from(const struct memory_pattern *pattern, const struct memory_window *window, size_t start,
                     struct buffer *result, struct error *err)
{
        return (pattern->code ? look_regex : look_plain)(pattern, window, start, result, err);
}

static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        const struct searching *searching = context;

        return look_from(searching->search->pattern, window, 0, result, err);
}

static int report(struct searching *searching, const struct memory_window *window, const struct found *found,
                  struct error *err)
{
        const struct memory_search *search = searching->search;
        size_t in_front = window->before + found->start, behind;
        struct memory_match match = {.address = window->address + found->start, .size = found->size};

        behind = window->size + window->after - found->start - found->size;
        in_front = in_front < search->context ? in_front : search->context;
        behind = behind < search->context ? behind : search->context;
        searching->shown.size = 0;
        if (buffer_reserve(&searching->shown, in_front + found->size + behind) < 0)
                return error_oom(err);
        match.shown = (struct slice){searching->shown.data, in_front + found->size + behind};
        to_printable(window->data + found->start - in_front, match.shown.size, searching->shown.data);
        searching->end = match.address + match.size;
        return search->found(search->argument, &match, err);
}

/* A match that reaches into the next window may have swallowed the beginning of what was found there. */
static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        struct searching *searching = context;
        struct found found;
        int ret = 0;

        if (window->first && window->before == 0)
                searching->end = 0;
        if (searching->end > window->address) {
                uint64_t start = searching->end - window->address;

                searching->again.size = 0;
                if (start < window->size)
                        ret = look_from(searching->search->pattern, window, (size_t)start, &searching->again,
                                        err);
                result = buffer_slice(&searching->again);
        }
        for (size_t i = 0; ret == 0 && i + sizeof(found) <= result.size; i += sizeof(found)) {
                memcpy(&found, result.data + i, sizeof(found));
                ret = report(searching, window, &found, err);
        }
        return ret;
}

static int restart(void *context, struct error *err)
{
        struct searching *searching = context;

        searching->end = 0;
        searching->search->restart(searching->search->argument);
        return 0;
}

static size_t whole_pages(size_t size)
{
        return (size + CRIU_PAGE_SIZE - 1) & ~(size_t)(CRIU_PAGE_SIZE - 1);
}

int memory_search_run(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                      uint64_t *absent, struct error *err)
{
        const struct memory_pattern *pattern = search->pattern;
        struct searching searching = {.search = search};
        uint32_t behind = 0;
        int ret;

        if (pattern->code)
                pcre2_pattern_info(pattern->code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
        searching.scan = (struct memory_scan){
                .pid = search->pid,
                .size = WINDOW,
                .before = search->context > behind ? search->context : behind,
                .after = whole_pages(search->context +
                                     (pattern->code ? MEMORY_MATCH_MAX : pattern->text.size)),
                .look = look,
                .take = take,
                .restart = search->restart ? restart : NULL,
                .context = &searching,
                .progress = search->progress,
        };
        ret = memory_scan_run(archive, dump, &searching.scan, absent, err);
        buffer_free(&searching.again);
        buffer_free(&searching.shown);
        return ret;
}
