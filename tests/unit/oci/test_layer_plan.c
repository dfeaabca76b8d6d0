/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"
#include "tarball.h"
#include "oci/layer_plan.h"

/* Contents are holes: sizes as they are in real archives, without the bytes. */
static void add_hole(int fd, uint64_t *at, const char *name, uint64_t size)
{
        _cleanup_buffer_ struct buffer header = {0};

        tarball_header(&header, name, TAR_FILE, size);
        assert_int_equal(file_pwrite_full(fd, header.data, header.size, *at), 0);
        *at += header.size + tar_padded(size);
}

static void plan_of(const char *const *names, const uint64_t *sizes, size_t count, struct layer_plan *out)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_close_ int fd = open("a.tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        struct error err = {0};
        uint64_t at = 0;

        for (size_t i = 0; i < count; i++)
                add_hole(fd, &at, names[i], sizes[i]);
        assert_int_equal(ftruncate(fd, (off_t)(at + 2 * TAR_BLOCK)), 0);
        assert_success(archive_open("a.tar", &archive, &err), &err);
        assert_success(layer_plan_make(archive, out, &err), &err);
}

static void test_small_pages_share_a_layer(void **state)
{
        static const char *const names[] = {"config.dump", "checkpoint/pages-1.img", "checkpoint/core-1.img",
                                            "checkpoint/pages-2.img", "spec.dump"};
        static const uint64_t sizes[] = {10, 1 * MIB, 100, 2 * MIB, 10};
        static const uint8_t expected[] = {0, 1, 0, 1, 0};
        _cleanup_layer_plan_ struct layer_plan plan = {0};

        plan_of(names, sizes, ARRAY_SIZE(names), &plan);
        assert_int_equal(plan.count, 2);
        assert_memory_equal(plan.layer_of, expected, sizeof(expected));
        assert_int_equal(plan.total, 3 * MIB + 120);
}

static void test_large_pages_have_layers_of_their_own(void **state)
{
        static const char *const names[] = {"checkpoint/pages-1.img", "checkpoint/pages-2.img",
                                            "checkpoint/pages-3.img", "checkpoint/pages-4.img",
                                            "config.dump"};
        static const uint64_t sizes[] = {200 * MIB, 10 * MIB, 60 * MIB, 1 * MIB, 10};
        static const uint8_t expected[] = {1, 2, 2, 2, 0};
        _cleanup_layer_plan_ struct layer_plan plan = {0};

        plan_of(names, sizes, ARRAY_SIZE(names), &plan);
        assert_int_equal(plan.count, 3);
        assert_memory_equal(plan.layer_of, expected, sizeof(expected));
}

/* However many processes there are, and however large they are. */
static void test_layers_are_few(void **state)
{
        static char names[500][48];
        static const char *list[500];
        static uint64_t sizes[500];
        _cleanup_layer_plan_ struct layer_plan plan = {0};

        for (unsigned i = 0; i < 500; i++) {
                snprintf(names[i], sizeof(names[i]), "checkpoint/pages-%u.img", i + 1);
                list[i] = names[i];
                sizes[i] = (i * 37 % 101 + 1) * MIB;
        }
        plan_of(list, sizes, 500, &plan);
        assert_in_range(plan.count, 10, LAYERS_MAX);
        for (unsigned i = 1; i < 500; i++)
                assert_in_range(plan.layer_of[i], plan.layer_of[i - 1], plan.layer_of[i - 1] + 1);
        assert_int_equal(plan.layer_of[499], plan.count - 1);
}

/* Four processes of 100 MiB can travel at the same time, and of one that comes behind them a third of all. */
static void test_layers_grow_with_what_is_before_them(void **state)
{
        static const char *const names[] = {"checkpoint/pages-1.img", "checkpoint/pages-2.img",
                                            "checkpoint/pages-3.img", "checkpoint/pages-4.img",
                                            "checkpoint/pages-5.img", "checkpoint/pages-6.img"};
        static const uint64_t sizes[] = {100 * MIB, 100 * MIB, 100 * MIB, 100 * MIB, 100 * MIB, 100 * MIB};
        static const uint8_t expected[] = {1, 2, 3, 4, 4, 5};
        _cleanup_layer_plan_ struct layer_plan plan = {0};

        plan_of(names, sizes, ARRAY_SIZE(names), &plan);
        assert_memory_equal(plan.layer_of, expected, sizeof(expected));
}

static void test_whiteouts_are_refused(void **state)
{
        _cleanup_layer_plan_ struct layer_plan plan = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};

        tarball_text(&tar, "config.dump", "{}");
        tarball_text(&tar, ".wh.config.dump", "");
        tarball_end(&tar);
        write_bytes("w.tar", buffer_slice(&tar));
        assert_success(archive_open("w.tar", &archive, &err), &err);
        assert_error(layer_plan_make(archive, &plan, &err), &err, ERROR_ARCHIVE_NAME);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_small_pages_share_a_layer, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_large_pages_have_layers_of_their_own, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_layers_are_few, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_layers_grow_with_what_is_before_them, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(test_whiteouts_are_refused, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
