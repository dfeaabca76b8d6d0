/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into the golden archives: real ones of CRI-O 1.36, containerd 2.1, Podman 5.4 and 5.8. */
#include "testing.h"

#include "base/json.h"
#include "capture_output.h"
#include "cli/inspect.h"
#include "cli/page_cache.h"

#define ARCHIVES TEST_DATA "/archives/"

static const char *const archives[] = {
        "containerd-2.1.9-counter.tar",  "crio-1.36.3-counter.tar",       "podman-5.4.2-counter-none.tar",
        "podman-5.8.6-counter-gzip.tar", "podman-5.8.6-counter-none.tar", "podman-5.8.6-counter-zstd.tar",
        "podman-5.8.6-two-none.tar",
};

static struct inspection *load(const char *name, unsigned parts, pid_t pid)
{
        struct inspection *inspection = NULL;
        struct error err = {0};
        char path[4096];

        snprintf(path, sizeof(path), ARCHIVES "%s", name);
        assert_success(inspection_load(path, parts, pid, &inspection, &err), &err);
        inspection->path = name;
        return inspection;
}

static void draw(const struct inspection *inspection, struct capture *capture)
{
        _cleanup_outline_ struct outline *outline = outline_new();

        inspection_to_tree(inspection, outline);
        outline_print(outline, capture_begin(capture));
}

static void assert_line(struct capture *capture, const char *line)
{
        if (!strstr(capture_text(capture), line))
                fail_msg("no line `%s` in\n%s", line, capture_text(capture));
}

/* Command lines come out of memory the same way whether it is sought or read in one pass. */
static void test_every_engine_and_compression(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
                _cleanup_inspection_ struct inspection *inspection = load(archives[i], INSPECT_ALL, 0);
                struct capture capture;

                draw(inspection, &capture);
                assert_line(&capture, "]  sleep 0.2\n");
                assert_line(&capture, "PATH=/usr/local/sbin:/usr/local/bin");
                assert_line(&capture, "├── [cwd]  /\n");
                assert_line(&capture, "CRIU dump statistics\n");
                assert_line(&capture, "Overview of mounts\n");
                capture_end(&capture);
        }
}

static void test_the_words_of_checkpointctl(void **state)
{
        _cleanup_inspection_ struct inspection *inspection =
                load("containerd-2.1.9-counter.tar", INSPECT_ALL, 0);
        struct capture capture;

        draw(inspection, &capture);
        assert_line(&capture, "counter\n├── Image: localhost:5000/bb:1\n├── ID: d8ea684a000b");
        assert_line(&capture, "├── Created: 2026-11-23T04:52:22Z\n├── Checkpointed: 2026-11-23T04:52:25Z\n");
        assert_line(&capture, "├── Checkpoint size: 416.3 KiB\n│   └── Memory pages size: 392.0 KiB\n"
                              "├── Root FS diff size: 308 B\n");
        assert_line(&capture, "│   ├── Freezing time: 918 µs\n│   ├── Frozen time: 146.07 ms\n");
        assert_line(&capture, "│       ├── [17]  nc -l -p 8080\n");
        assert_line(&capture, "[PIPE 0]  pipe[484094]\n");
        assert_line(&capture, "[INETSK 3]  INETSK.18\n");
        assert_line(&capture, "[TCP (LISTEN)]  :::8080 -> :::0 (↑ 16.0 KB ↓ 128.0 KB)\n");
        capture_end(&capture);
}

static void test_only_one_process(void **state)
{
        _cleanup_inspection_ struct inspection *inspection =
                load("containerd-2.1.9-counter.tar", INSPECT_COMMANDS, 15);
        struct inspection *none = NULL;
        struct error err = {0};

        assert_int_equal(inspection->place_count, 2);
        assert_int_equal(inspection->places[0].process->pid, 15);
        assert_int_equal(inspection->places[1].process->pid, 33);
        assert_error(inspection_load(ARCHIVES "containerd-2.1.9-counter.tar", INSPECT_PROCESSES, 4711, &none,
                                     &err),
                     &err, ERROR_NOT_FOUND);
}

static void test_json_nests_the_processes(void **state)
{
        _cleanup_inspection_ struct inspection *inspection =
                load("containerd-2.1.9-counter.tar", INSPECT_ALL, 0);
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *read = NULL;
        struct error err = {0};
        yyjson_val *root, *sleeper;

        yyjson_mut_doc_set_root(doc, inspection_to_json(inspection, doc));
        assert_success(json_write(doc, true, &text, &err), &err);
        assert_success(json_parse(buffer_slice(&text), "output", &read, &err), &err);
        root = yyjson_doc_get_root(read);
        assert_string_equal(json_text_or(root, "engine", ""), "containerd");
        assert_int_equal(json_uint_or(yyjson_obj_get(root, "checkpoint_size"), "total_size", 0), 426314);
        sleeper = yyjson_ptr_get(root, "/process_tree/children/0/children/0");
        assert_int_equal(json_uint_or(sleeper, "pid", 0), 33);
        assert_string_equal(json_text_or(sleeper, "cmdline", ""), "sleep 0.3");
        assert_string_equal(json_text_or(sleeper, "task_state", ""), "Alive");
        assert_string_equal(yyjson_get_str(yyjson_ptr_get(root, "/sockets/0/open_sockets/0/data/state")),
                            "LISTEN");
        assert_null(yyjson_obj_get(root, "snap"));
}

static void test_nothing_more_than_asked(void **state)
{
        _cleanup_inspection_ struct inspection *inspection = load("podman-5.8.6-two-none.tar", 0, 0);
        struct capture capture;

        assert_null(inspection->dump);
        draw(inspection, &capture);
        assert_null(strstr(capture_text(&capture), "Process tree"));
        assert_null(strstr(capture_text(&capture), "Metadata"));
        capture_end(&capture);
}

static void test_the_cache_serves_what_was_noted(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_page_cache_ struct page_cache *cache = NULL;
        static const struct {
                uint64_t offset;
                size_t size;
        } ranges[] = {{4096, 100}, {0, 8192}, {4000, 200}, {12288, 1}, {0, 8192}};
        uint8_t direct[8192], served[8192];
        struct error err = {0};

        assert_success(archive_open(ARCHIVES "podman-5.8.6-counter-none.tar", &archive, &err), &err);
        cache = page_cache_new(archive, 1 << 20);
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                assert_success(
                        page_cache_note(cache, "pages-1.img", ranges[i].offset, served, ranges[i].size, &err),
                        &err);
        assert_success(page_cache_fill(cache, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
                assert_success(page_cache_serve(cache, "pages-1.img", ranges[i].offset, served,
                                                ranges[i].size, &err),
                               &err);
                assert_success(pages_read_direct(archive, "pages-1.img", ranges[i].offset, direct,
                                                 ranges[i].size, &err),
                               &err);
                assert_memory_equal(served, direct, ranges[i].size);
        }
        assert_error(page_cache_note(cache, "pages-1.img", UINT64_MAX - 1, served, 4, &err), &err,
                     ERROR_ARCHIVE_INCONSISTENT);
        assert_error(page_cache_note(cache, "pages-9.img", 0, served, 4, &err), &err,
                     ERROR_ARCHIVE_MEMBER_MISSING);
}

static void test_the_cache_has_a_limit(void **state)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_page_cache_ struct page_cache *cache = NULL;
        uint8_t data[100];
        struct error err = {0};

        assert_success(archive_open(ARCHIVES "podman-5.8.6-counter-none.tar", &archive, &err), &err);
        cache = page_cache_new(archive, 150);
        assert_success(page_cache_note(cache, "pages-1.img", 0, data, 100, &err), &err);
        assert_error(page_cache_note(cache, "pages-1.img", 0, data, 100, &err), &err, ERROR_UNSUPPORTED);
}

static void test_times_lose_their_fraction(void **state)
{
        char out[TIME_TEXT_SIZE];

        assert_string_equal(time_without_fraction("2026-11-23T04:52:22.971145087Z", out),
                            "2026-11-23T04:52:22Z");
        assert_string_equal(time_without_fraction("2026-11-23T04:52:22.5+01:00", out),
                            "2026-11-23T04:52:22+01:00");
        assert_string_equal(time_without_fraction("2026-11-23T04:52:22Z", out), "2026-11-23T04:52:22Z");
        assert_string_equal(time_without_fraction("", out), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_engine_and_compression),
                cmocka_unit_test(test_the_words_of_checkpointctl),
                cmocka_unit_test(test_only_one_process),
                cmocka_unit_test(test_json_nests_the_processes),
                cmocka_unit_test(test_nothing_more_than_asked),
                cmocka_unit_test(test_the_cache_serves_what_was_noted),
                cmocka_unit_test(test_the_cache_has_a_limit),
                cmocka_unit_test(test_times_lose_their_fraction),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
