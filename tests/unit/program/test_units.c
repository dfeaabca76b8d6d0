/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "program/units.h"

static void test_sizes_look_like_the_peer(void **state)
{
        char out[UNIT_TEXT_SIZE];

        assert_string_equal(size_format(0, out), "0 B");
        assert_string_equal(size_format(1023, out), "1023 B");
        assert_string_equal(size_format(426314, out), "416.3 KiB");
        assert_string_equal(size_format(1048575, out), "1024.0 KiB");
        assert_string_equal(size_format(UINT64_MAX, out), "16.0 EiB");
        assert_string_equal(buffer_size_format(131072, out), "128.0 KB");
}

static void test_statistics_look_like_the_peer(void **state)
{
        char out[UNIT_TEXT_SIZE];

        assert_string_equal(statistic_format(918, out), "918 µs");
        assert_string_equal(statistic_format(146074, out), "146.07 ms");
        assert_string_equal(statistic_format(1550, out), "1.55 ms");
        assert_string_equal(statistic_format(2000000, out), "2 s");
        assert_string_equal(statistic_format(12345678, out), "12.346 s");
}

static void test_durations_and_rates(void **state)
{
        char out[UNIT_TEXT_SIZE];

        assert_string_equal(duration_format(900, out), "0.9 ms");
        assert_string_equal(duration_format(146999, out), "146 ms");
        assert_string_equal(duration_format(2351000, out), "2.35 s");
        assert_string_equal(duration_format(185000000, out), "3 min 05 s");
        assert_string_equal(rate_format(1048576, 500000, out), "2.0 MiB/s");
        assert_string_equal(rate_format(1048576, 0, out), "");
        assert_string_equal(rate_format(0, 1000, out), "");
}

static void test_sizes_are_parsed(void **state)
{
        uint64_t value = 7;

        assert_true(size_parse("512", &value));
        assert_int_equal(value, 512);
        assert_true(size_parse("10M", &value));
        assert_int_equal(value, 10 << 20);
        assert_true(size_parse("2GiB", &value));
        assert_int_equal(value, (uint64_t)2 << 30);
        assert_true(size_parse("4k", &value));
        assert_int_equal(value, 4096);
        assert_true(size_parse("16777215T", &value));
        value = 7;
        assert_false(size_parse("16777216T", &value));
        assert_false(size_parse("18446744073709551616", &value));
        assert_false(size_parse("", &value));
        assert_false(size_parse("-1", &value));
        assert_false(size_parse("1X", &value));
        assert_false(size_parse("1MM", &value));
        assert_false(number_parse("1K", &value));
        assert_int_equal(value, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes_look_like_the_peer),
                cmocka_unit_test(test_statistics_look_like_the_peer),
                cmocka_unit_test(test_durations_and_rates),
                cmocka_unit_test(test_sizes_are_parsed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
