/* SPDX-License-Identifier: Apache-2.0 */
/* Two checkpoints made by hand; the text is what the Go checkpointctl prints for such a pair. */
#include "testing.h"

#include "capture_output.h"
#include "cli/answer.h"
#include "cli/diff.h"

static struct criu_descriptor log_file = {.fd = 3, .type = "REG", .path = "/var/log/app.log"};
static struct criu_descriptor long_file = {
        .fd = 4, .type = "REG", .path = "/a/path/that/is/longer/than/the/column/that/it/is/shown/in"};
static struct criu_socket sockets_a[] = {
        {.fd = 5,
         .protocol = "TCP",
         .type = "STREAM",
         .state = "LISTEN",
         .source = "0.0.0.0",
         .source_port = 80},
        {.fd = 6, .protocol = "UNIX", .type = "STREAM", .state = "", .source = ""},
};
static struct criu_socket sockets_b[] = {
        {.fd = 5,
         .protocol = "TCP",
         .type = "STREAM",
         .state = "LISTEN",
         .source = "0.0.0.0",
         .source_port = 80},
        {.fd = 6, .protocol = "UNIX", .type = "STREAM", .state = "", .source = ""},
        {.fd = 7, .protocol = "UNIX", .type = "STREAM", .state = "", .source = ""},
        {.fd = 8,
         .protocol = "TCP",
         .type = "STREAM",
         .state = "ESTABLISHED",
         .source = "10.0.0.2",
         .source_port = 80,
         .destination = "10.0.0.9",
         .destination_port = 4711},
};
static struct criu_process processes_a[] = {
        {.pid = 1,
         .command = "app",
         .state = "Alive",
         .descriptors = &log_file,
         .descriptor_count = 1,
         .sockets = sockets_a,
         .socket_count = 2},
        {.pid = 7, .ppid = 1, .command = "old", .state = "Alive"},
        {.pid = 8, .ppid = 1, .command = "worker", .state = "Alive"},
};
static struct criu_process processes_b[] = {
        {.pid = 1,
         .command = "app",
         .state = "Alive",
         .descriptors = &long_file,
         .descriptor_count = 1,
         .sockets = sockets_b,
         .socket_count = 4},
        {.pid = 8, .ppid = 1, .command = "worker", .state = "Alive"},
        {.pid = 9, .ppid = 1, .command = "new", .state = "Alive"},
};
static struct process_place places_a[] = {{&processes_a[0], 0}, {&processes_a[1], 1}, {&processes_a[2], 1}};
static struct process_place places_b[] = {{&processes_b[0], 0}, {&processes_b[1], 1}, {&processes_b[2], 1}};
static struct metadata metadata_a = {.container_name = (char *)(uintptr_t)"web",
                                     .image_name = (char *)(uintptr_t)"localhost/app:1",
                                     .container_id = (char *)(uintptr_t)"0123456789abcdef",
                                     .created = (char *)(uintptr_t)"2026-11-23T05:03:50.123Z",
                                     .engine = ENGINE_PODMAN,
                                     .checkpoint_size = 1000,
                                     .pages_size = 1048576},
                       metadata_b;

static struct buffer text_of(const char *bytes, size_t size)
{
        struct buffer out = {0};

        assert_int_equal(buffer_append(&out, bytes, size), 0);
        return out;
}
#define TEXT(literal) text_of(literal, sizeof(literal))

struct pair {
        struct process_texts texts_a, texts_b;
        struct inspection a, b;
};

static int setup(void **state)
{
        struct pair *pair = calloc(1, sizeof(*pair));
        unsigned parts =
                INSPECT_PROCESSES | INSPECT_COMMANDS | INSPECT_ENVIRONMENT | INSPECT_FILES | INSPECT_SOCKETS;

        metadata_b = metadata_a;
        metadata_b.checkpoint_size = 2000;
        metadata_b.pages_size = 3 * 1048576;
        pair->texts_a = (struct process_texts){calloc(3, sizeof(struct process_text)), 3};
        pair->texts_b = (struct process_texts){calloc(3, sizeof(struct process_text)), 3};
        pair->texts_a.items[0].arguments = TEXT("/bin/app\0-v");
        pair->texts_b.items[0].arguments = TEXT("/bin/app\0-v");
        pair->texts_a.items[0].environment = TEXT("B=2\0A=1");
        pair->texts_b.items[0].environment = TEXT("A=1\0B=2"); /* the same in another order */
        pair->texts_a.items[2].environment = TEXT("LEVEL=1");
        pair->texts_b.items[1].environment = TEXT("LEVEL=2");
        pair->texts_b.items[2].arguments = TEXT("new\0thing");
        pair->a = (struct inspection){.path = "a",
                                      .parts = parts,
                                      .metadata = &metadata_a,
                                      .places = places_a,
                                      .place_count = 3,
                                      .texts = &pair->texts_a};
        pair->b = (struct inspection){.path = "b",
                                      .parts = parts,
                                      .metadata = &metadata_b,
                                      .places = places_b,
                                      .place_count = 3,
                                      .texts = &pair->texts_b};
        *state = pair;
        return 0;
}

static int teardown(void **state)
{
        struct pair *pair = *state;
        struct process_texts *const both[] = {&pair->texts_a, &pair->texts_b};

        for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
                for (size_t j = 0; j < both[i]->count; j++) {
                        buffer_free(&both[i]->items[j].arguments);
                        buffer_free(&both[i]->items[j].environment);
                }
                free(both[i]->items);
        }
        free(pair);
        return 0;
}

static void test_what_changed(void **state)
{
        const struct pair *pair = *state;
        _cleanup_diff_ struct diff diff = {0};
        _cleanup_free_ char *summary = NULL;

        diff_compare(&pair->a, &pair->b, &diff);
        assert_int_equal(diff.lists[DIFF_PROCESSES].counts[DIFF_ADDED], 1);
        assert_int_equal(diff.lists[DIFF_PROCESSES].counts[DIFF_REMOVED], 1);
        assert_int_equal(diff.lists[DIFF_PROCESSES].counts[DIFF_MODIFIED], 1);
        assert_int_equal(diff.lists[DIFF_PROCESSES].counts[DIFF_UNCHANGED], 1);
        /* Of unnamed sockets one came, though all have the same key. */
        assert_int_equal(diff.lists[DIFF_SOCKETS].counts[DIFF_ADDED], 2);
        assert_int_equal(diff.lists[DIFF_SOCKETS].counts[DIFF_REMOVED], 0);
        assert_int_equal(diff.lists[DIFF_SOCKETS].counts[DIFF_UNCHANGED], 2);
        assert_int_equal(diff.memory, 2 * 1048576);
        summary = diff_summary(&diff);
        assert_string_equal(summary,
                            "Checkpoint comparison for container web\nProcesses: +1 -1 ~1\nFiles: +1 -1\n"
                            "Sockets: +2 -0\nMemory: +2.00 MB");
}

static void test_text_is_that_of_checkpointctl(void **state)
{
        static const char expected[] =
                "╔════════════════════════════════════════════════════════════════╗\n"
                "║ Checkpoint Diff                                                ║\n"
                "╠════════════════════════════════════════════════════════════════╣\n"
                "║ Container: web                                                 ║\n"
                "║ Image:     localhost/app:1                                     ║\n"
                "║ ID:        0123456789abcdef                                    ║\n"
                "╚════════════════════════════════════════════════════════════════╝\n"
                "\n"
                "Checkpoint A:\n"
                "  Created: 2026-11-23T05:03:50Z\n"
                "  Size:    1000 bytes\n"
                "\n"
                "Checkpoint B:\n"
                "  Created: 2026-11-23T05:03:50Z\n"
                "  Size:    2000 bytes\n"
                "\n"
                "┌─ Memory Changes ─────────────────────────────────────────────┐\n"
                "│ ↑ Increased by 2.00 MB\n"
                "└──────────────────────────────────────────────────────────────┘\n"
                "┌─ Process Tree ───────────────────────────────────────────────┐\n"
                "│ Added:\n"
                "│   + PID 9     new\n"
                "│             new thing\n"
                "│ Removed:\n"
                "│   - PID 7     old\n"
                "│ Modified:\n"
                "│   ~ PID 8     worker\n"
                "│             LEVEL=2\n"
                "└──────────────────────────────────────────────────────────────┘\n"
                "┌─ File Descriptor Changes ────────────────────────────────────┐\n"
                "│ Added:\n"
                "│   + PID 1     REG      /a/path/that/is/longer/than/the/col...\n"
                "│ Removed:\n"
                "│   - PID 1     REG      /var/log/app.log\n"
                "└──────────────────────────────────────────────────────────────┘\n"
                "┌─ Socket Changes ──────────────────────────────────────────────────────┐\n"
                "│     PID   PROTO STATE        LOCAL                 PEER\n"
                "│  +  1     STREAM -            @                     -\n"
                "│  +  1     TCP   ESTABLISHED  10.0.0.2:80           10.0.0.9:4711\n"
                "└───────────────────────────────────────────────────────────────────────┘\n"
                "Summary:\n"
                "Checkpoint comparison for container web\n"
                "Processes: +1 -1 ~1\n"
                "Files: +1 -1\n"
                "Sockets: +2 -0\n"
                "Memory: +2.00 MB\n";
        const struct pair *pair = *state;
        _cleanup_diff_ struct diff diff = {0};
        struct capture capture;

        diff_compare(&pair->a, &pair->b, &diff);
        diff_print(&diff, false, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), expected);
        capture_end(&capture);
}

static void test_unchanged_is_shown_as_a_tree(void **state)
{
        const struct pair *pair = *state;
        _cleanup_diff_ struct diff diff = {0};
        struct capture capture;

        diff_compare(&pair->a, &pair->b, &diff);
        diff_print(&diff, true, capture_begin(&capture));
        assert_non_null(strstr(capture_text(&capture), "│ Process tree\n"
                                                       "│ └── [= PID 1]  /bin/app -v\n"
                                                       "│     ├── Environment variables\n"
                                                       "│     │   ├── A=1\n"
                                                       "│     │   └── B=2\n"
                                                       "│     ├── [~ PID 8]  worker\n"
                                                       "│     │   └── Environment variables\n"
                                                       "│     │       └── LEVEL=2\n"
                                                       "│     └── [+ PID 9]  new thing\n"
                                                       "│ Removed:\n"
                                                       "│   - PID 7     old\n"));
        assert_non_null(
                strstr(capture_text(&capture), "│  =  1     TCP   LISTEN       0.0.0.0:80            -\n"));
        capture_end(&capture);
}

static void test_the_same_twice(void **state)
{
        const struct pair *pair = *state;
        _cleanup_json_mut_ yyjson_mut_doc *doc = answer_new();
        _cleanup_diff_ struct diff diff = {0};
        struct capture capture;
        yyjson_mut_val *object, *changes;

        diff_compare(&pair->a, &pair->a, &diff);
        diff_print(&diff, false, capture_begin(&capture));
        assert_non_null(strstr(capture_text(&capture), "│ = No change\n"));
        assert_non_null(
                strstr(capture_text(&capture), "Summary:\nCheckpoint comparison for container web\n"));
        capture_end(&capture);
        object = diff_to_json(&diff, doc);
        changes = yyjson_mut_obj_get(object, "process_changes");
        assert_int_equal(yyjson_mut_obj_size(changes), 1);
        assert_int_equal(yyjson_mut_arr_size(yyjson_mut_obj_get(changes, "unchanged")), 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_changed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_text_is_that_of_checkpointctl, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unchanged_is_shown_as_a_tree, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_same_twice, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
