/* SPDX-License-Identifier: Apache-2.0 */
/* Memory made by hand: a directory of CRIU with page maps and pages, and a dump that fits them. */
#include "testing.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include "archive/memory_search.h"
#include "criu/pagemap_image.h"
#include "criu/pagemap.h"
#include "tarball.h"

#define PAGE CRIU_PAGE_SIZE

/* The byte at an address, so that every one can be checked. */
static uint8_t byte_of(uint64_t address)
{
        return (uint8_t)(address * 131 + (address >> 8) * 31 + (address >> 16));
}

static struct criu_mapping all_memory[] = {{.end = UINT64_MAX, .path = ""}};

struct made {
        struct builder pagemap;
        struct buffer pages;
};

static void made_start(struct made *made, unsigned pages_id)
{
        *made = (struct made){0};
        builder_start(&made->pagemap, pages_id);
}

static void made_region(struct made *made, uint64_t address, uint64_t pages)
{
        RECORD(&made->pagemap, 1, address, 2, 0, 4, CRIU_REGION_PRESENT, 5, pages);
        for (uint64_t i = 0; i < pages * PAGE; i++) {
                uint8_t byte = byte_of(address + i);

                assert_int_equal(buffer_append(&made->pages, &byte, 1), 0);
        }
}

/* Text instead, at its end zeros. */
static void made_text(struct made *made, uint64_t address, uint64_t pages, const char *text, size_t at)
{
        size_t start = made->pages.size;

        RECORD(&made->pagemap, 1, address, 2, pages, 4, CRIU_REGION_PRESENT);
        assert_int_equal(buffer_reserve(&made->pages, pages * PAGE), 0);
        memset(made->pages.data + start, 0, pages * PAGE);
        made->pages.size += pages * PAGE;
        assert_true(at + strlen(text) <= pages * PAGE);
        memcpy(made->pages.data + start + at, text, strlen(text));
}

static void made_finish(struct made *made, const char *pagemap, const char *pages)
{
        char path[128];

        mkdir("dump", 0700);
        snprintf(path, sizeof(path), "dump/%s", pagemap);
        write_bytes(path, buffer_slice(&made->pagemap.bytes));
        snprintf(path, sizeof(path), "dump/%s", pages);
        write_bytes(path, buffer_slice(&made->pages));
        write_bytes("dump/inventory.img", SLICE_TEXT("x"));
        buffer_free(&made->pagemap.bytes);
        buffer_free(&made->pages);
}

/* The same as a tar, members in the order of the names. */
static void pack(const char *const *names)
{
        _cleanup_buffer_ struct buffer tar = {0};

        for (; *names; names++) {
                _cleanup_buffer_ struct buffer bytes = {0};
                char from[128], to[128];

                snprintf(from, sizeof(from), "dump/%s", *names);
                snprintf(to, sizeof(to), "checkpoint/%s", *names);
                read_bytes(from, &bytes);
                tarball_file(&tar, to, buffer_slice(&bytes));
        }
        tarball_end(&tar);
        write_bytes("dump.tar", buffer_slice(&tar));
}

static struct criu_process process_new(pid_t pid, struct criu_mapping *mappings, size_t count)
{
        return (struct criu_process){
                .pid = pid, .command = "made", .mappings = mappings, .mapping_count = count};
}

/* What a scan showed. */
struct shown {
        const struct memory_scan *scan;
        struct buffer addresses; /* of every page, in order */
        unsigned runs;
        uint64_t next; /* address behind the last window */
        bool open;     /* the run goes on */
};

/* Runs in several threads: looks at every byte that it may look at. */
static int look(void *context, const struct memory_window *window, struct buffer *result, struct error *err)
{
        size_t size = window->before + window->size + window->after;

        for (size_t i = 0; i < size; i++)
                if ((window->data - window->before)[i] != byte_of(window->address - window->before + i))
                        return error_set(err, &ERROR_INTERNAL, -EIO, "byte %zu", i);
        return buffer_append(result, &window->address, sizeof(window->address));
}

static int take(void *context, const struct memory_window *window, struct slice result, struct error *err)
{
        struct shown *shown = context;
        uint64_t address;

        assert_int_equal(result.size, sizeof(address));
        memcpy(&address, result.data, sizeof(address));
        assert_int_equal(address, window->address);
        assert_true(window->size > 0 && window->size <= shown->scan->size && window->size % PAGE == 0);
        assert_true(window->first || window->before == shown->scan->before);
        assert_true(window->last || window->after == shown->scan->after);
        if (window->first && window->before == 0)
                shown->runs++;
        else
                assert_int_equal(window->address, shown->next);
        shown->next = window->address + window->size;
        for (; address < shown->next; address += PAGE)
                assert_int_equal(buffer_append(&shown->addresses, &address, sizeof(address)), 0);
        return 0;
}

static void scan(const char *path, struct criu_dump *dump, struct memory_scan *spec, struct shown *shown,
                 uint64_t *absent)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct error err = {0};

        *shown = (struct shown){.scan = spec};
        spec->look = look;
        spec->take = take;
        spec->context = shown;
        assert_success(archive_open(path, &archive, &err), &err);
        assert_success(memory_scan_run(archive, &dump, spec, absent, &err), &err);
}

static void test_windows_show_every_byte_once_and_its_neighbours(void **state)
{
        static const struct {
                size_t size, before, after;
        } shapes[] = {
                {2 * PAGE, 100, PAGE}, {2 * PAGE, 0, 0}, {4 * PAGE, 3 * PAGE, 8 * PAGE}, {64 * PAGE, 16, 0}};
        struct criu_process process = process_new(1, all_memory, 1);
        struct criu_dump dump = {.processes = &process, .process_count = 1};
        uint64_t absent = 0;
        struct made made;

        made_start(&made, 4);
        made_region(&made, 0x10000, 2);
        made_region(&made, 0x12000, 7); /* neighbours */
        RECORD(&made.pagemap, 1, 0x20000, 2, 3, 4, CRIU_REGION_PARENT);
        for (uint64_t i = 0; i < 300; i++)
                made_region(&made, 0x100000 + i * 2 * PAGE, 1);
        made_region(&made, 0x7f0000000000, 33);
        made_finish(&made, "pagemap-1.img", "pages-4.img");
        pack((const char *const[]){"pages-4.img", "pagemap-1.img", NULL});
        for (size_t i = 0; i < 2 * ARRAY_SIZE(shapes); i++) {
                struct memory_scan spec = {.size = shapes[i / 2].size,
                                           .before = shapes[i / 2].before,
                                           .after = shapes[i / 2].after};
                struct shown shown;

                scan(i % 2 ? "dump.tar" : "dump", &dump, &spec, &shown, &absent);
                assert_int_equal(shown.addresses.size, (2 + 7 + 300 + 33) * sizeof(uint64_t));
                if (spec.before) /* without, only the first window knows that it is one */
                        assert_int_equal(shown.runs, 1 + 300 + 1);
                assert_int_equal(absent, 3 * PAGE);
                buffer_free(&shown.addresses);
        }
}

/* The segment holds what the first of its mappings shows, so that one formula serves all. */
static void test_shared_memory_is_shown_once(void **state)
{
        struct criu_mapping first[] = {
                {.start = 0x500000, .end = 0x503000, .path = "", .is_shared_memory = true, .shared_id = 9},
        };
        struct criu_mapping second[] = {
                {.start = 0x600000, .end = 0x602000, .path = "", .is_shared_memory = true, .shared_id = 9},
                {.start = 0x700000,
                 .end = 0x703000,
                 .path = "",
                 .is_shared_memory = true,
                 .shared_id = 9,
                 .shared_offset = 0x2000},
        };
        struct criu_process processes[] = {process_new(1, first, 1), process_new(2, second, 2)};
        struct criu_dump dump = {.processes = processes, .process_count = 2};
        struct memory_scan spec = {.size = 2 * PAGE};
        static const uint64_t expected[] = {0x10000, 0x500000, 0x501000, 0x502000, 0x701000, 0x20000};
        _cleanup_buffer_ struct buffer segment = {0};
        struct shown shown;
        struct made made;
        uint64_t absent;

        made_start(&made, 1);
        made_region(&made, 0x10000, 1);
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        made_start(&made, 3);
        made_region(&made, 0x20000, 1);
        made_finish(&made, "pagemap-2.img", "pages-3.img");
        /* Four pages; the last is seen through the second process only. */
        made_start(&made, 2);
        made_region(&made, 0x500000, 3);
        made_region(&made, 0x701000, 1);
        buffer_free(&made.pagemap.bytes);
        builder_start(&made.pagemap, 2);
        RECORD(&made.pagemap, 1, 0, 4, CRIU_REGION_PRESENT, 5, 4);
        made_finish(&made, "pagemap-shmem-9.img", "pages-2.img");
        pack((const char *const[]){"pagemap-1.img", "pagemap-2.img", "pagemap-shmem-9.img", "pages-1.img",
                                   "pages-2.img", "pages-3.img", NULL});
        scan("dump.tar", &dump, &spec, &shown, &absent);
        assert_int_equal(shown.addresses.size, sizeof(expected));
        assert_memory_equal(shown.addresses.data, expected, sizeof(expected));
        buffer_free(&shown.addresses);

        /* Alone, the second process sees it at addresses of its own. Its bytes are others than the formula
         * says. */
        spec.pid = 1;
        scan("dump.tar", &dump, &spec, &shown, &absent);
        assert_int_equal(shown.addresses.size, 4 * sizeof(uint64_t));
        buffer_free(&shown.addresses);
}

static void test_contradictions_are_errors(void **state)
{
        struct criu_process processes[] = {process_new(1, all_memory, 1), process_new(2, all_memory, 1)};
        struct criu_dump dump = {.processes = processes, .process_count = 1}, *of = &dump;
        struct memory_scan spec = {.size = 2 * PAGE, .look = look, .take = take};
        struct shown shown = {.scan = &spec};
        _cleanup_archive_ struct archive *archive = NULL, *tar = NULL;
        struct error err = {0};
        uint64_t absent;
        struct made made;

        spec.context = &shown;
        made_start(&made, 1);
        made_region(&made, 0x10000, 2);
        made.pages.size--;
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        assert_success(archive_open("dump", &archive, &err), &err);
        assert_error(memory_scan_run(archive, &of, &spec, &absent, &err), &err, ERROR_ARCHIVE_INCONSISTENT);
        unlink("dump/pages-1.img");
        archive_free(steal_ptr(archive));
        assert_success(archive_open("dump", &archive, &err), &err);
        assert_error(memory_scan_run(archive, &of, &spec, &absent, &err), &err, ERROR_ARCHIVE_MEMBER_MISSING);

        /* Two processes cannot have the same pages. */
        made_start(&made, 1);
        made_region(&made, 0x10000, 2);
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        made_start(&made, 1);
        made_region(&made, 0x10000, 2);
        made_finish(&made, "pagemap-2.img", "pages-1.img");
        pack((const char *const[]){"pagemap-1.img", "pagemap-2.img", "pages-1.img", NULL});
        dump.process_count = 2;
        assert_success(archive_open("dump.tar", &tar, &err), &err);
        assert_error(memory_scan_run(tar, &of, &spec, &absent, &err), &err, ERROR_ARCHIVE_INCONSISTENT);
        buffer_free(&shown.addresses);
}

/* Found matches as "ADDRESS:TEXT " each. */
static int collect(void *argument, const struct memory_match *match, struct error *err)
{
        struct buffer *text = argument;

        return buffer_printf(text, "%llx:%.*s ", (unsigned long long)match->address, (int)match->shown.size,
                             (const char *)match->shown.data);
}

static int search(const char *pattern, bool regex, size_t context, struct buffer *out, struct error *err)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_memory_pattern_ struct memory_pattern *compiled = NULL;
        struct criu_process process = process_new(1, all_memory, 1);
        struct criu_dump dump = {.processes = &process, .process_count = 1}, *of = &dump;
        struct memory_search spec = {.pid = 1, .context = context, .found = collect, .argument = out};
        uint64_t absent;
        int ret = memory_pattern_new(pattern, regex, &compiled, err);

        if (ret < 0)
                return ret;
        spec.pattern = compiled;
        assert_success(archive_open("dump", &archive, err), err);
        return memory_search_run(archive, &of, &spec, &absent, err);
}

static void assert_found(const char *pattern, bool regex, size_t context, const char *expected)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(search(pattern, regex, context, &text, &err), &err);
        assert_string_equal(buffer_text(&text), expected);
}

static void test_search(void **state)
{
        struct made made;

        made_start(&made, 1);
        made_text(&made, 0x10000, 1, "begin\tword PATH=/bin", 0);
        made_text(&made, 0x20000, 1, "across", PAGE - 6);
        made_text(&made, 0x21000, 1, "borders and what is nexT", 0);
        made_text(&made, 0x30000, 1, "lost", PAGE - 4);
        made_text(&made, 0x32000, 1, "found HOME=/root", 0);
        made_finish(&made, "pagemap-1.img", "pages-1.img");

        assert_found("PATH=", false, 0, "1000b:PATH= ");
        assert_found("PATH=", false, 6, "1000b:?word PATH=/bin?? ");
        assert_found("acrossborders", false, 0, "20ffa:acrossborders ");
        assert_found("acrossborders", false, 4, "20ffa:????acrossborders and ");
        assert_found("lostfound", false, 0, "");
        assert_found("begin?word", false, 0, ""); /* plain text is what it is */
        assert_found("begin\tword", false, 0, "10000:begin?word ");
        assert_found("begin", false, 9, "10000:begin?word PAT ");
        assert_found("HOME=([^?]+)", true, 0, "32006:HOME=/root ");
        assert_found("begin\\?word", true, 0, "10000:begin?word ");
        assert_found("across[a-z]+ and", true, 2, "20ffa:??acrossborders and w ");
        assert_found("^begin", true, 0, "10000:begin ");
        assert_found("^borders", true, 0, "");
        assert_found("(?<=across)borders", true, 0, "21000:borders ");
        assert_found("lost$", true, 0, "30ffc:lost ");
        assert_found("across$", true, 0, "");
        assert_found("x*", true, 0, "21016:x "); /* nothing is no match */
}

static void test_matches_do_not_overlap_at_the_borders_of_windows(void **state)
{
        /* 700 KiB of one letter: windows begin within matches of three. */
        enum { PAGES = 175 };
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};
        struct made made;
        size_t count = 0;

        made_start(&made, 1);
        made_text(&made, 0x100000, PAGES, "", 0);
        memset(made.pages.data, 'a', PAGES * PAGE);
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        for (int regex = 0; regex < 2; regex++) {
                uint64_t expected = 0x100000;
                const char *at;

                text.size = count = 0;
                assert_success(search("aaa", regex, 0, &text, &err), &err);
                for (at = buffer_text(&text); *at; at += 11, count++, expected += 3) {
                        assert_int_equal(strtoull(at, NULL, 16), expected);
                        assert_memory_equal(at + 6, ":aaa ", 5);
                }
                assert_int_equal(count, PAGES * PAGE / 3);
        }
        /* A longer match is cut, wherever it begins. */
        text.size = 0;
        assert_success(search("a+", true, 0, &text, &err), &err);
        for (count = 0; count * MEMORY_MATCH_MAX < PAGES * PAGE; count++) {
                char head[16];

                snprintf(head, sizeof(head),
                         "%llx:", (unsigned long long)(0x100000 + count * MEMORY_MATCH_MAX));
                assert_memory_equal(text.data + count * (MEMORY_MATCH_MAX + 8), head, 7);
        }
}

static void test_patterns_that_cannot_be(void **state)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};
        struct made made;

        made_start(&made, 1);
        made_text(&made, 0x10000, 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0);
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        assert_error(search("", false, 0, &text, &err), &err, ERROR_USAGE);
        assert_error(search("(", true, 0, &text, &err), &err, ERROR_USAGE);
        assert_error(search("(a+)+[bc]", true, 0, &text, &err), &err, ERROR_UNSUPPORTED);
        /* No steps, but each of a quarter of a million places looks at all behind it. */
        made_start(&made, 1);
        made_text(&made, 0x10000, 80, "", 0);
        made_finish(&made, "pagemap-1.img", "pages-1.img");
        assert_error(search("(?=\\?)\\?+[bc]", true, 0, &text, &err), &err, ERROR_UNSUPPORTED);
        assert_int_equal(text.size, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_windows_show_every_byte_once_and_its_neighbours,
                                                scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_shared_memory_is_shown_once, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_contradictions_are_errors, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_search, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_matches_do_not_overlap_at_the_borders_of_windows,
                                                scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_patterns_that_cannot_be, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
