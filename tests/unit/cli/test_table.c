/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "capture_output.h"
#include "cli/table.h"

static void test_columns_align(void **state)
{
        _cleanup_table_ struct table *table = table_new();
        struct capture capture;

        table_column(table, "ID");
        table_column(table, "CONTAINER");
        table_column(table, "SIZE");
        table_cell(table, "d8ea684a000b");
        table_cell(table, "容器");
        table_cell(table, "1 B");
        table_cell(table, "x");
        table_cell(table, "");
        table_cell(table, "10.5 KiB");
        table_print(table, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "ID             CONTAINER   SIZE\n"
                                                    "--             ---------   ----\n"
                                                    "d8ea684a000b   容器        1 B\n"
                                                    "x                          10.5 KiB\n");
        capture_end(&capture);
}

static void test_a_cell_cannot_break_the_table(void **state)
{
        _cleanup_table_ struct table *table = table_new();
        struct capture capture;

        table_column(table, "A");
        table_column(table, "B");
        table_cell(table, "x\ny\033[31m");
        table_cell(table, "z");
        table_print(table, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "A                B\n"
                                                    "-                -\n"
                                                    "x\\x0ay\\x1b[31m   z\n");
        capture_end(&capture);
}

static void test_no_rows(void **state)
{
        _cleanup_table_ struct table *table = table_new();
        struct capture capture;

        table_column(table, "A");
        table_column(table, "B");
        table_print(table, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "A     B\n-     -\n");
        capture_end(&capture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_columns_align),
                cmocka_unit_test(test_a_cell_cannot_break_the_table),
                cmocka_unit_test(test_no_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
