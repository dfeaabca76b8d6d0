/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "cli/hex_dump.h"

static void test_rows(void **state)
{
        static const uint8_t bytes[] = "\0\x01\x1f !~\x7f\x80\xff\t\nAZaz|0123456789abcdef";
        char out[2 * HEX_ROW_SIZE], *end = hex_rows(0x7ffe08cfaff0, bytes, 32, out);

        assert_int_equal(end - out, sizeof(out));
        assert_memory_equal(
                out,
                "00007ffe08cfaff0  00 01 1f 20 21 7e 7f 80 ff 09 0a 41 5a 61 7a 7c  |... !~.....AZaz||\n"
                "00007ffe08cfb000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n",
                sizeof(out));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
