/* SPDX-License-Identifier: Apache-2.0 */
#include "open_node.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOON 1764072000000000001ll /* 2025-11-25T12:00:00.000000001Z */

static void write_file(const char *path, const char *text)
{
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static struct checkpoint *record(const char *id, const char *container)
{
        struct checkpoint *checkpoint = NULL;
        struct error err = {0};

        assert_success(checkpoint_new(&checkpoint, &err), &err);
        (void)text_set(&checkpoint->id, id);
        (void)text_set(&checkpoint->namespace, "default");
        (void)text_set(&checkpoint->pod, "web");
        (void)text_set(&checkpoint->container, container);
        checkpoint->created_ns = NOON;
        return checkpoint;
}

static const char *last(const char *path)
{
        return strrchr(path, '/') + 1;
}

static void names_are_the_kubelets(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_free_ char *path = NULL;
        struct error err = {0};

        assert_success(node_archive_path(node, "default", "web-1", "nginx", NOON, &path, &err), &err);
        assert_string_equal(last(path), "checkpoint-web-1_default-nginx-2025-11-25T12:00:00Z.tar");
}

static void names_stay_in_the_directory_and_short(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_free_ char *path = NULL, *other = NULL;
        struct error err = {0};
        char large[400];

        memset(large, 'x', sizeof(large) - 1);
        large[sizeof(large) - 1] = '\0';
        assert_success(node_archive_path(node, "../..", "/etc\n", "a b", NOON, &path, &err), &err);
        assert_string_equal(last(path), "checkpoint-_etc__.._..-a_b-2025-11-25T12:00:00Z.tar");
        assert_success(node_archive_path(node, large, large, large, NOON, &other, &err), &err);
        assert_true(strlen(last(other)) < 255 - strlen(".000000001"));
        write_file(other, "");
}

/* A hundred in one second, and the clock does not move. */
static void no_name_is_given_twice(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        const struct checkpoint_filter all = {0};
        _cleanup_checkpoint_list_ struct checkpoint_list list = {0};
        struct error err = {0};

        for (int i = 0; i < 100; i++) {
                _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
                char id[16], text[16];

                snprintf(id, sizeof(id), "id%03d", i);
                snprintf(text, sizeof(text), "archive %d", i);
                checkpoint = record(id, "nginx");
                write_file("archives/incoming", text);
                assert_success(node_commit_archive(node, "archives/incoming", checkpoint, &err), &err);
                assert_int_equal(access(checkpoint->path, F_OK), 0);
                assert_string_equal(checkpoint->state, "completed");
        }
        assert_success(catalog_list_checkpoints(node_catalog(node), &all, &list, &err), &err);
        assert_int_equal(list.count, 100);
        for (size_t i = 1; i < list.count; i++)
                assert_string_not_equal(list.items[i]->path, list.items[i - 1]->path);
}

static void digest_and_size_are_recorded(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_checkpoint_ struct checkpoint *checkpoint = record("01", "nginx"), *found = NULL;
        struct error err = {0};
        struct stat st;

        write_file("archives/incoming", "abc");
        assert_success(node_commit_archive(node, "archives/incoming", checkpoint, &err), &err);
        assert_success(catalog_get_checkpoint(node_catalog(node), "01", &found, &err), &err);
        assert_string_equal(found->digest,
                            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_int_equal(found->size, 3);
        assert_int_equal(stat("archives", &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

/* The catalog cannot be written: then it has no name that looks finished. */
static void without_a_record_no_name(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_checkpoint_ struct checkpoint *checkpoint = record("01", "nginx"), *none = NULL;
        struct rlimit before, low = {0};
        struct error err = {0};

        signal(SIGXFSZ, SIG_IGN);
        write_file("archives/incoming", "abc");
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        low.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        assert_int_equal(node_commit_archive(node, "archives/incoming", checkpoint, &err), -ENOSPC);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(access("archives/incoming", F_OK), 0);
        assert_int_equal(access(checkpoint->path, F_OK), -1);
        assert_error(catalog_get_checkpoint(node_catalog(node), "01", &none, &err), &err,
                     ERROR_CHECKPOINT_NOT_FOUND);
}

static void a_commit_is_gone_on_with_wherever_it_broke(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        static const char digest[] =
                "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        struct error err = {0};

        for (int broke = 0; broke < 4; broke++) {
                _cleanup_checkpoint_ struct checkpoint *checkpoint = record("01", "nginx"), *found = NULL;

                checkpoint->size = 3;
                (void)text_set(&checkpoint->digest, digest);
                write_file("archives/incoming", "abc");
                write_file("archives/checkpoint-web_default-nginx-other.tar", "xyz");
                /* Not begun, named, recorded, lost. */
                if (broke == 1)
                        assert_int_equal(rename("archives/incoming", "archives/whatever.tar"), 0);
                if (broke == 2)
                        assert_success(node_commit_archive(node, "archives/incoming", checkpoint, &err),
                                       &err);
                if (broke == 3) {
                        assert_int_equal(unlink("archives/incoming"), 0);
                        assert_error(node_recover_archive(node, "archives/incoming", checkpoint, &err), &err,
                                     ERROR_KILLED);
                        break;
                }
                assert_success(node_recover_archive(node, "archives/incoming", checkpoint, &err), &err);
                assert_int_equal(access("archives/incoming", F_OK), -1);
                assert_success(catalog_get_checkpoint(node_catalog(node), "01", &found, &err), &err);
                assert_string_equal(found->state, "completed");
                assert_string_equal(found->path, checkpoint->path);
                assert_int_equal(access(found->path, F_OK), 0);
                assert_success(node_delete_checkpoint(node, "01", &err), &err);
                assert_int_equal(access(found->path, F_OK), -1);
        }
}

static void pinned_ones_stay(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_checkpoint_ struct checkpoint *checkpoint = record("01", "nginx");
        struct error err = {0};

        write_file("archives/incoming", "abc");
        assert_success(node_commit_archive(node, "archives/incoming", checkpoint, &err), &err);
        assert_success(node_pin_checkpoint(node, "01", true, &err), &err);
        assert_error(node_delete_checkpoint(node, "01", &err), &err, ERROR_PINNED);
        assert_int_equal(access(checkpoint->path, F_OK), 0);
        assert_success(node_pin_checkpoint(node, "01", false, &err), &err);
        assert_success(node_delete_checkpoint(node, "01", &err), &err);
        assert_error(node_delete_checkpoint(node, "01", &err), &err, ERROR_CHECKPOINT_NOT_FOUND);
        assert_error(node_pin_checkpoint(node, "01", true, &err), &err, ERROR_CHECKPOINT_NOT_FOUND);
}

static void the_reserve_is_not_touched(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        uint64_t free_bytes;
        struct error err = {0};

        assert_success(space_read(node, &free_bytes, NULL, &err), &err);
        node->options.reserve = free_bytes / 2;
        assert_success(node_check_watermark(node, &err), &err);
        assert_success(node_claim_space(node, free_bytes / 4, &err), &err);
        assert_error(node_claim_space(node, free_bytes / 3, &err), &err, ERROR_WATERMARK);
        assert_error(node_claim_space(node, UINT64_MAX, &err), &err, ERROR_WATERMARK);
        node_release_space(node, free_bytes / 4);
        assert_success(node_claim_space(node, free_bytes / 3, &err), &err);
        node_release_space(node, free_bytes / 3);
        node->options.reserve = free_bytes * 2;
        assert_error(node_check_watermark(node, &err), &err, ERROR_WATERMARK);
        assert_error(node_ready(node, &err), &err, ERROR_WATERMARK);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(names_are_the_kubelets),   IN_SCRATCH(names_stay_in_the_directory_and_short),
                IN_SCRATCH(no_name_is_given_twice),   IN_SCRATCH(digest_and_size_are_recorded),
                IN_SCRATCH(without_a_record_no_name), IN_SCRATCH(a_commit_is_gone_on_with_wherever_it_broke),
                IN_SCRATCH(pinned_ones_stay),         IN_SCRATCH(the_reserve_is_not_touched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
