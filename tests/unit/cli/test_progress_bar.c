/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <signal.h>
#include "capture_output.h"
#include "cli/progress_bar.h"
#include "program/signals.h"

static void work(enum progress_style style, struct capture *capture)
{
        struct progress_bar *bar = progress_bar_new(capture_begin(capture), style);
        const struct progress *progress = progress_bar_progress(bar);

        progress_step(progress, "freeze", 0, 0);
        progress_step(progress, "dump", 0, 2048);
        progress_step(progress, "dump", 1024, 2048);
        progress_step(progress, "dump", 2048, 2048);
        progress_bar_free(bar);
}

static void test_lines_name_each_phase_once(void **state)
{
        struct capture capture;

        work(PROGRESS_LINES, &capture);
        assert_string_equal(capture_text(&capture), "phase: freeze\nphase: dump\n");
        capture_end(&capture);
}

static void test_a_terminal_keeps_one_line_for_each_phase(void **state)
{
        struct capture capture;
        const char *text;
        size_t lines = 0;

        work(PROGRESS_TERMINAL, &capture);
        text = capture_text(&capture);
        for (const char *p = text; *p; p++)
                lines += *p == '\n';
        assert_int_equal(lines, 2);
        assert_non_null(strstr(text, "\rdump"));
        assert_non_null(strstr(text, "2.0 KiB"));
        capture_end(&capture);
}

static void test_quiet_says_nothing(void **state)
{
        struct capture capture;

        work(PROGRESS_NONE, &capture);
        assert_string_equal(capture_text(&capture), "");
        capture_end(&capture);
        assert_int_equal(progress_style_for(stderr, true), PROGRESS_NONE);
}

static void test_a_signal_cancels(void **state)
{
        struct progress_bar *bar = progress_bar_new(stderr, PROGRESS_NONE);

        signals_catch();
        assert_false(progress_cancelled(progress_bar_progress(bar)));
        assert_int_equal(raise(SIGINT), 0);
        assert_int_equal(raise(SIGTERM), 0);
        assert_true(progress_cancelled(progress_bar_progress(bar)));
        progress_bar_free(bar);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_name_each_phase_once),
                cmocka_unit_test(test_a_terminal_keeps_one_line_for_each_phase),
                cmocka_unit_test(test_quiet_says_nothing),
                cmocka_unit_test(test_a_signal_cancels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
