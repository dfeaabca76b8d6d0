/* SPDX-License-Identifier: Apache-2.0 */
#include "open_node.h"

#include <fcntl.h>
#include <sys/stat.h>

#define WHOLE TEST_DATA "/archives/podman-5.8.6-counter-none.tar"
#define OTHER TEST_DATA "/archives/crio-1.36.3-counter.tar"
#define ID    "01M00000000000000000000000"

static void run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run_command(const char *format, ...)
{
        char command[1024];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(command, sizeof(command), format, arguments);
        va_end(arguments);
        assert_int_equal(system(command), 0);
}

/* Waits until the node has ended `count` operations, and nothing more is to be done. */
static void wait_for_ends(struct node *node, unsigned count)
{
        uint64_t version = 0;
        struct error err = {0};

        while (count) {
                _cleanup_operation_ struct operation *operation = NULL;

                assert_success(node_watch(node, NULL, &version, 60000, &operation, &err), &err);
                assert_non_null(operation);
                assert_string_equal(operation->kind, "adopt");
                if (!operation_phase_is_last(operation->phase))
                        continue;
                assert_int_equal(operation->phase, PHASE_DONE);
                count--;
        }
}

static struct checkpoint_list list_all(struct node *node)
{
        const struct checkpoint_filter all = {0};
        struct checkpoint_list list = {0};
        struct error err = {0};

        assert_success(catalog_list_checkpoints(node_catalog(node), &all, &list, &err), &err);
        return list;
}

/* One that is whole and one that is not, dropped there by somebody. */
static void adopted_or_quarantined(void **state)
{
        struct node *node;
        struct checkpoint_list list;
        struct error err = {0};
        struct stat st;

        run_command("mkdir archives && cp " WHOLE " archives/checkpoint-a.tar && cp " OTHER
                    " archives/b.tar && "
                    "head -c 100000 " WHOLE " > archives/checkpoint-c.tar && echo text > archives/notes.txt");
        node = open_node(1, 0);
        wait_for_ends(node, 1);
        list = list_all(node);
        assert_int_equal(list.count, 3);
        for (size_t i = 0; i < list.count; i++) {
                struct checkpoint *checkpoint = list.items[i];
                bool whole = strcmp(checkpoint->state, "completed") == 0;

                assert_string_equal(checkpoint->source, "adopted");
                assert_int_equal(stat(checkpoint->path, &st), 0);
                assert_int_equal(checkpoint->size, st.st_size);
                if (whole) {
                        assert_true(text_starts_with(checkpoint->digest, "sha256:"));
                        assert_true(*checkpoint->container && *checkpoint->container_id);
                        assert_true(checkpoint->created_ns > 0);
                } else {
                        assert_string_equal(checkpoint->state, "quarantined");
                        assert_true(*checkpoint->reason);
                        assert_non_null(strstr(checkpoint->path, "/archives/quarantine/"));
                        assert_true(text_ends_with(checkpoint->path, "checkpoint-c.tar"));
                }
        }
        checkpoint_list_free(&list);
        assert_int_equal(stat("archives/quarantine", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(access("archives/notes.txt", F_OK), 0);
        assert_int_equal(access("archives/checkpoint-c.tar", F_OK), -1);
        /* Another look finds nothing to do. */
        node_free(node);
        node = open_node(1, 0);
        {
                _cleanup_adopt_plan_ struct adopt_plan plan = {0};

                assert_success(adopt_scan(node, &plan, &err), &err);
                assert_int_equal(plan.unknown_count + plan.leftover_count + plan.lost_count, 0);
                assert_false(plan.again);
        }
        node_free(node);
}

static void a_record_without_archive_is_forgotten(void **state)
{
        struct node *node;
        struct checkpoint_list list;

        run_command("mkdir archives && cp " WHOLE " archives/a.tar && cp " OTHER " archives/b.tar");
        node = open_node(1, 0);
        wait_for_ends(node, 1);
        /* Seen at once, while it runs. */
        assert_int_equal(unlink("archives/a.tar"), 0);
        wait_for_ends(node, 2);
        list = list_all(node);
        assert_int_equal(list.count, 1);
        assert_true(text_ends_with(list.items[0]->path, "b.tar"));
        checkpoint_list_free(&list);
        node_free(node);
}

static void scan(struct node *node, struct adopt_plan *plan)
{
        struct error err = {0};

        assert_success(adopt_scan(node, plan, &err), &err);
}

static void leftovers_that_nobody_holds(void **state)
{
        static const char *const ours[] = {".web.tar." ID ".tmp", ".web.tar.work." ID "/images",
                                           TEMPORARY_PREFIX ID};
        static const char *const others[] = {".hidden", ".web.tar.tmp", ".x.work.short", "." ID};
        struct node *node;
        int held;

        assert_int_equal(mkdir("archives", 0700), 0);
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                run_command("mkdir -p $(dirname archives/%s) && touch archives/%s", ours[i], ours[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                run_command("touch archives/%s", others[i]);
        held = open("archives/.held.tar." ID ".tmp", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(held >= 0);
        node = open_node(1, 0);
        wait_for_ends(node, 1);
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                run_command("! test -e archives/%s", ours[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                run_command("test -e archives/%s", others[i]);
        assert_int_equal(access("archives/.held.tar." ID ".tmp", F_OK), 0);
        close(held);
        {
                _cleanup_adopt_plan_ struct adopt_plan plan = {0};

                scan(node, &plan);
                assert_int_equal(plan.leftover_count, 1);
        }
        node_free(node);
}

static void what_is_in_the_journal_or_being_written_is_left_alone(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_adopt_plan_ struct adopt_plan before = {0}, after = {0};
        _cleanup_operation_ struct operation *operation = NULL;
        _cleanup_free_ char *journal = NULL;
        struct error err = {0};
        int fd;

        assert_success(operation_new(&operation, &err), &err);
        assert_true(asprintf(&journal, "{\"temporary\":\"%s/" TEMPORARY_PREFIX ID "\"}",
                             node_options(node)->directory) > 0);
        (void)text_set(&operation->id, ID);
        (void)text_set(&operation->journal, journal);
        operation->phase = PHASE_TRANSFER;
        assert_success(catalog_put_operation(node_catalog(node), operation, &err), &err);
        run_command("touch archives/" TEMPORARY_PREFIX ID);
        fd = open("archives/new.tar", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        scan(node, &before);
        assert_int_equal(before.leftover_count + before.unknown_count, 0);
        assert_true(before.again);
        operation->phase = PHASE_FAILED;
        assert_success(catalog_put_operation(node_catalog(node), operation, &err), &err);
        scan(node, &after);
        assert_int_equal(after.leftover_count, 1);
        close(fd);
}

/* One that was whole, and is not any more, goes to the others. */
static void verify_again(void **state)
{
        struct node *node;
        struct checkpoint_list list;
        _cleanup_operation_ struct operation *good = NULL, *bad = NULL;
        char body[64], id[UNIQUE_ID_SIZE];
        struct node_request request = {.kind = "verify", .requester = ""};
        struct error err = {0};

        run_command("mkdir archives && cp " WHOLE " archives/a.tar");
        node = open_node(1, 0);
        wait_for_ends(node, 1);
        list = list_all(node);
        snprintf(body, sizeof(body), "{\"id\":\"%s\"}", list.items[0]->id);
        request.body = SLICE_TEXT(body);
        assert_success(node_submit(node, &request, id, &err), &err);
        assert_success(node_wait(node, id, &good, &err), &err);
        assert_int_equal(good->phase, PHASE_DONE);
        /* In the contents of a file, of which this engine's archive has no digest: only the record knows. */
        run_command("printf X | dd of=archives/a.tar bs=1 conv=notrunc seek=$(($(grep -abo '/bin/sh' "
                    "archives/a.tar "
                    "| tail -1 | cut -d: -f1) + 2)) 2> /dev/null");
        assert_success(node_submit(node, &request, id, &err), &err);
        assert_success(node_wait(node, id, &bad, &err), &err);
        assert_int_equal(bad->phase, PHASE_FAILED);
        assert_non_null(strstr(good->result, "\"report\""));
        assert_null(strstr(bad->result, "\"report\"")); /* it would have no faults */
        checkpoint_list_free(&list);
        list = list_all(node);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0]->state, "quarantined");
        assert_string_equal(list.items[0]->reason, bad->error_text);
        assert_int_equal(access(list.items[0]->path, F_OK), 0);
        assert_int_equal(access("archives/a.tar", F_OK), -1);
        request.kind = "restore";
        assert_error(node_submit(node, &request, id, &err), &err, ERROR_CHECKPOINT_BAD);
        checkpoint_list_free(&list);
        request.body = SLICE_TEXT("{\"id\":\"none\"}");
        assert_error(node_submit(node, &request, id, &err), &err, ERROR_CHECKPOINT_NOT_FOUND);
        request.body = SLICE_TEXT("{}");
        assert_error(node_submit(node, &request, id, &err), &err, ERROR_BAD_INPUT);
        node_free(node);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(adopted_or_quarantined),
                IN_SCRATCH(a_record_without_archive_is_forgotten),
                IN_SCRATCH(leftovers_that_nobody_holds),
                IN_SCRATCH(what_is_in_the_journal_or_being_written_is_left_alone),
                IN_SCRATCH(verify_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
