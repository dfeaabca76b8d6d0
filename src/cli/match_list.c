/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/match_list.h"

#include <errno.h>
#include <inttypes.h>
#include "cli/answer.h"
#include "cli/progress_bar.h"
#include "program/memory.h"

/* Bytes of matches that are kept, and how many a JSON value in memory takes. */
#define KEPT_MAX (8 * MIB)
#define JSON_MAX 100000

/* For what is printed only when the search has ended. */
static int search_with_bar(struct archive *archive, struct criu_dump **dump, struct memory_search *search,
                           uint64_t *absent, struct error *err)
{
        _cleanup_progress_bar_ struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_LATE);
        int ret;

        search->progress = progress_bar_progress(bar);
        ret = memory_search_run(archive, dump, search, absent, err);
        search->progress = NULL;
        progress_bar_finish(bar);
        return ret;
}

/* Go's tabwriter as checkpointctl configures it; an address has 16 digits. */
#define PADDING       3
#define ADDRESS_WIDTH (16 + PADDING)

struct match_list {
        struct buffer kept; /* address, size, text; one after another */
        bool too_many;      /* nothing is kept any more */
        uint64_t count;
        size_t widest;
};

struct kept_match {
        uint64_t address;
        size_t size;
};

static int keep(void *argument, const struct memory_match *match, struct error *err)
{
        const struct kept_match head = {match->address, match->shown.size};
        struct match_list *list = argument;

        list->count++;
        if (match->shown.size > list->widest)
                list->widest = match->shown.size;
        if (list->too_many || list->kept.size + sizeof(head) + head.size > KEPT_MAX) {
                list->too_many = true;
                buffer_free(&list->kept);
                return 0;
        }
        memory_check(buffer_append(&list->kept, &head, sizeof(head)));
        memory_check(buffer_append(&list->kept, match->shown.data, head.size));
        return 0;
}

static void keep_again(void *argument)
{
        struct match_list *list = argument;

        buffer_free(&list->kept);
        *list = (struct match_list){0};
}

static size_t column_width(const struct match_list *list)
{
        size_t heading = strlen("MATCH");

        return (list->widest > heading ? list->widest : heading) + PADDING;
}

/* The text is printable ASCII, as memory_search.h says. */
static void print_row(struct match_list *list, uint64_t address, struct slice text)
{
        printf("%016" PRIx64 "%*s", address, PADDING, "");
        fwrite(text.data, 1, text.size, stdout);
        printf("%*s%" PRIu64 "\n", (int)(column_width(list) - text.size), "", ++list->count);
}

static int print_found(void *argument, const struct memory_match *match, struct error *err)
{
        print_row(argument, match->address, match->shown);
        return ferror(stdout) ? error_errno(err, EIO, "cannot write to standard output") : 0;
}

static void print_kept(struct match_list *list)
{
        struct slice rest = buffer_slice(&list->kept), head, text;
        struct kept_match match;

        while (slice_take(&rest, sizeof(match), &head)) {
                memcpy(&match, head.data, sizeof(match));
                slice_take(&rest, match.size, &text);
                print_row(list, match.address, text);
        }
}

static void print_heading(const struct match_list *list)
{
        int width = (int)column_width(list);

        printf("%-*s%-*sINSTANCE\n", ADDRESS_WIDTH, "ADDRESS", width, "MATCH");
        printf("%-*s%-*s--------\n", ADDRESS_WIDTH, "-------", width, "-----");
}

int64_t match_list_print(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                         uint64_t *absent, struct error *err)
{
        struct memory_search with = *search;
        struct match_list list = {0};
        uint64_t count;
        int ret;

        with.found = keep;
        with.restart = keep_again;
        with.argument = &list;
        ret = search_with_bar(archive, dump, &with, absent, err);
        count = list.count;
        if (ret == 0 && count > 0) {
                print_heading(&list);
                list.count = 0;
                with.found = print_found;
                with.restart = NULL;
                if (list.too_many)
                        ret = memory_search_run(archive, dump, &with, absent, err);
                else
                        print_kept(&list);
        }
        buffer_free(&list.kept);
        return ret < 0 ? ret : (int64_t)count;
}

/* Counts on when there are too many: whether the search succeeds is to be known before anything is printed.
 */
static int add_found(void *argument, const struct memory_match *match, struct error *err)
{
        struct match_json *into = argument;
        yyjson_mut_val *object;
        char address[17];

        into->size += match->shown.size;
        if (++into->count > JSON_MAX || into->size > KEPT_MAX)
                into->too_many = true;
        if (into->too_many)
                return 0;
        snprintf(address, sizeof(address), "%016" PRIx64, match->address);
        object = yyjson_mut_arr_add_obj(into->doc, into->list);
        yyjson_mut_obj_add_strcpy(into->doc, object, "address", address);
        yyjson_mut_obj_add_uint(into->doc, object, "size", match->size);
        yyjson_mut_obj_add_strncpy(into->doc, object, "match", (const char *)match->shown.data,
                                   match->shown.size);
        return 0;
}

static void add_again(void *argument)
{
        struct match_json *into = argument;

        yyjson_mut_arr_clear(into->list);
        into->count = into->count_before;
        into->size = into->size_before;
        into->too_many = into->too_many_before;
}

int match_list_to_json(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                       struct match_json *into, uint64_t *absent, struct error *err)
{
        struct memory_search with = *search;

        with.found = add_found;
        with.restart = add_again;
        with.argument = into;
        into->count_before = into->count;
        into->size_before = into->size;
        into->too_many_before = into->too_many;
        return search_with_bar(archive, dump, &with, absent, err);
}

static int stream_found(void *argument, const struct memory_match *match, struct error *err)
{
        struct answer_stream *stream = argument;
        char address[17];

        snprintf(address, sizeof(address), "%016" PRIx64, match->address);
        answer_stream_open(stream, NULL, '{');
        answer_stream_text(stream, "address");
        answer_stream_text_part(stream, SLICE_TEXT(address));
        answer_stream_text_end(stream);
        answer_stream_unsigned(stream, "size", match->size);
        answer_stream_text(stream, "match");
        answer_stream_text_part(stream, match->shown);
        answer_stream_text_end(stream);
        answer_stream_close(stream, '}');
        return ferror(stdout) ? error_errno(err, EIO, "cannot write to standard output") : 0;
}

int match_list_stream(struct archive *archive, struct criu_dump **dump, const struct memory_search *search,
                      struct answer_stream *stream, uint64_t *absent, struct error *err)
{
        struct memory_search with = *search;
        int ret;

        with.found = stream_found;
        with.argument = stream;
        answer_stream_open(stream, "matches", '[');
        ret = memory_search_run(archive, dump, &with, absent, err);
        answer_stream_close(stream, ']');
        return ret;
}
