/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include "base/clock.h"
#include "base/process.h"

#define RUN(...)                                                                                             \
        {                                                                                                    \
                .argv = (const char *const[])                                                                \
                {                                                                                            \
                        __VA_ARGS__, NULL                                                                    \
                }                                                                                            \
        }

static void test_captures_both_streams(void **state)
{
        struct process_options options = RUN("sh", "-c", "echo out; echo err >&2; exit 3");
        struct process_result result;
        struct error err = {0};

        assert_success(process_run(&options, &result, &err), &err);
        assert_int_equal(result.exit_status, 3);
        assert_string_equal(buffer_text(&result.output), "out\n");
        assert_string_equal(buffer_text(&result.errors), "err\n");
        process_result_free(&result);
        assert_error(process_run_checked(&options, &result, &err), &err, ERROR_TOOL_FAILED);
        assert_string_equal(err.log, "err\n");
        process_result_free(&result);
}

static void test_missing_program(void **state)
{
        struct process_options options = RUN("no-such-program-here");
        struct process_result result;
        struct error err = {0};

        assert_error(process_run(&options, &result, &err), &err, ERROR_TOOL_MISSING);
}

static void test_timeout_ends_it(void **state)
{
        struct process_options options = RUN("sleep", "60");
        struct process_result result;
        struct error err = {0};

        options.timeout_ms = 100;
        assert_error(process_run_checked(&options, &result, &err), &err, ERROR_TIMEOUT);
        process_result_free(&result);
}

/* A daemon left behind keeps the streams open; that must not hold us. */
static void test_does_not_wait_for_grandchildren(void **state)
{
        struct process_options options = RUN("sh", "-c", "sleep 30 & echo done");
        struct process_result result;
        struct error err = {0};
        uint64_t start = clock_monotonic_us();

        assert_success(process_run(&options, &result, &err), &err);
        assert_string_equal(buffer_text(&result.output), "done\n");
        assert_true(clock_monotonic_us() - start < 20000000);
        process_result_free(&result);
}

static void test_environment_and_descriptors(void **state)
{
        const char *const environment[] = {"SNAP_TEST=yes", "PATH=/usr/bin:/bin", NULL};
        struct process_options options =
                RUN("sh", "-c", "echo $SNAP_TEST; ls /proc/self/fd | wc -l; readlink /proc/self/fd/0");
        struct process_result result;
        struct error err = {0};
        _cleanup_close_ int leak = open("/dev/zero", O_RDONLY); /* deliberately without O_CLOEXEC */

        options.environment = environment;
        assert_success(process_run(&options, &result, &err), &err);
        /* 0, 1, 2 and the directory that ls reads. */
        assert_string_equal(buffer_text(&result.output), "yes\n4\n/dev/null\n");
        process_result_free(&result);
}

static void test_output_limit(void **state)
{
        struct process_options options = RUN("head", "-c", "1000000", "/dev/zero");
        struct process_result result;
        struct error err = {0};

        options.output_limit = 1000;
        assert_success(process_run_checked(&options, &result, &err), &err);
        assert_int_equal(result.output.size, 1000);
        process_result_free(&result);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_captures_both_streams),
                cmocka_unit_test(test_missing_program),
                cmocka_unit_test(test_timeout_ends_it),
                cmocka_unit_test(test_does_not_wait_for_grandchildren),
                cmocka_unit_test(test_environment_and_descriptors),
                cmocka_unit_test(test_output_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
