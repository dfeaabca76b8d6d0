/* SPDX-License-Identifier: Apache-2.0 */
#include <pty.h>
#include "testing.h"

#include "capture_output.h"
#include "cli/style.h"
#include "cli/table.h"

struct terminal {
        int master;
        FILE *slave;
};

static int setup(void **state)
{
        struct terminal *terminal = calloc(1, sizeof(*terminal));
        int slave;

        if (!terminal || openpty(&terminal->master, &slave, NULL, NULL, NULL) < 0)
                return -1;
        terminal->slave = fdopen(slave, "w");
        unsetenv("NO_COLOR");
        setenv("TERM", "xterm", 1);
        *state = terminal;
        return terminal->slave ? 0 : -1;
}

static int teardown(void **state)
{
        struct terminal *terminal = *state;

        fclose(terminal->slave);
        close(terminal->master);
        free(terminal);
        return 0;
}

static void test_a_terminal_has_colour(void **state)
{
        const struct terminal *terminal = *state;

        assert_string_equal(style_begin(STYLE_BAD, terminal->slave), "\033[31m");
        assert_string_equal(style_end(STYLE_BAD, terminal->slave), "\033[0m");
        assert_string_equal(style_begin(STYLE_PLAIN, terminal->slave), "");
        assert_string_equal(style_end(STYLE_PLAIN, terminal->slave), "");
}

static void test_who_wants_none_gets_none(void **state)
{
        const struct terminal *terminal = *state;

        setenv("NO_COLOR", "1", 1);
        assert_string_equal(style_begin(STYLE_BAD, terminal->slave), "");
        assert_string_equal(style_end(STYLE_BAD, terminal->slave), "");
        setenv("NO_COLOR", "", 1); /* empty means nothing: no-color.org */
        assert_string_not_equal(style_begin(STYLE_BAD, terminal->slave), "");
        setenv("TERM", "dumb", 1);
        assert_string_equal(style_begin(STYLE_BAD, terminal->slave), "");
        unsetenv("TERM");
        assert_string_equal(style_begin(STYLE_BAD, terminal->slave), "");
}

static void test_elsewhere_not_a_byte_is_added(void **state)
{
        _cleanup_table_ struct table *table = table_new();
        struct capture capture;

        table_column(table, "STATUS");
        table_cell_styled(table, STYLE_BAD, "failed");
        table_print(table, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "STATUS\n------\nfailed\n");
        capture_end(&capture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_terminal_has_colour, setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_wants_none_gets_none, setup, teardown),
                cmocka_unit_test(test_elsewhere_not_a_byte_is_added),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
