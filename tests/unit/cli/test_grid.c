/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "capture_output.h"
#include "cli/grid.h"

static struct grid *make(const char *const *cells, size_t columns, size_t count)
{
        struct grid *grid = grid_new();

        for (size_t i = 0; i < columns; i++)
                grid_column(grid, cells[i]);
        for (size_t i = columns; i < count; i++)
                grid_cell(grid, cells[i]);
        return grid;
}

#define GRID(columns, ...)                                                                                   \
        make((const char *const[]){__VA_ARGS__}, columns,                                                    \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void check(struct grid *grid, const char *expected)
{
        struct capture capture;

        grid_print(grid, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), expected);
        capture_end(&capture);
        grid_free(grid);
}

/* Equal cells below one another are one; empty ones are not; what merges does so whatever is to its left. */
static void test_cells_merge(void **state)
{
        check(GRID(3, "A", "B", "C", "1x", "n", "", "2x", "n", "", "2x", "m", "c"),
              "+-----------+-----------+-----------+\n"
              "|     A     |     B     |     C     |\n"
              "+-----------+-----------+-----------+\n"
              "| 1x        | n         |           |\n"
              "+-----------+           +-----------+\n"
              "| 2x        |           |           |\n"
              "+           +-----------+-----------+\n"
              "|           | m         | c         |\n"
              "+-----------+-----------+-----------+\n");
}

static void test_widths_and_numbers(void **state)
{
        check(GRID(2, "CONTAINER", "A LONG HEADING", "容器", "12", "ten letters", "x"),
              "+-------------+----------------+\n"
              "|  CONTAINER  | A LONG HEADING |\n"
              "+-------------+----------------+\n"
              "| 容器        |             12 |\n"
              "+-------------+----------------+\n"
              "| ten letters | x              |\n"
              "+-------------+----------------+\n");
}

static void test_a_cell_cannot_break_the_grid(void **state)
{
        check(GRID(1, "A", "x\ny\033[31m"), "+----------------+\n"
                                            "|       A        |\n"
                                            "+----------------+\n"
                                            "| x\\x0ay\\x1b[31m |\n"
                                            "+----------------+\n");
}

static void test_no_rows(void **state)
{
        check(GRID(1, "A"), "+-----------+\n"
                            "|     A     |\n"
                            "+-----------+\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cells_merge),
                cmocka_unit_test(test_widths_and_numbers),
                cmocka_unit_test(test_a_cell_cannot_break_the_grid),
                cmocka_unit_test(test_no_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
