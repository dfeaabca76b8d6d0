/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "capture_output.h"
#include "cli/outline.h"

static void test_lines_join(void **state)
{
        _cleanup_outline_ struct outline *outline = outline_new();
        struct capture capture;

        outline_add(outline, 0, "root");
        outline_add(outline, 1, "a");
        outline_add(outline, 2, "a1");
        outline_add(outline, 3, "a11");
        outline_add(outline, 2, "a2");
        outline_add(outline, 1, "b");
        outline_add(outline, 2, "b1 %d%%", 5);
        outline_print(outline, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "root\n"
                                                    "├── a\n"
                                                    "│   ├── a1\n"
                                                    "│   │   └── a11\n"
                                                    "│   └── a2\n"
                                                    "└── b\n"
                                                    "    └── b1 5%\n");
        capture_end(&capture);
}

static void test_text_is_made_safe(void **state)
{
        _cleanup_outline_ struct outline *outline = outline_new();
        struct capture capture;

        outline_add(outline, 0, "%s", "a\nb\033");
        outline_add(outline, 1, "%s", "");
        outline_print(outline, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "a\\x0ab\\x1b\n└── \n");
        capture_end(&capture);
}

static void test_depth_is_limited(void **state)
{
        _cleanup_outline_ struct outline *outline = outline_new();
        struct capture capture;
        size_t longest = 0, length = 0;

        for (unsigned i = 0; i < 10000; i++)
                outline_add(outline, i, "x");
        outline_print(outline, capture_begin(&capture));
        for (const char *p = capture_text(&capture); *p; p++) {
                length = *p == '\n' ? 0 : length + 1;
                longest = length > longest ? length : longest;
        }
        assert_true(longest < (size_t)OUTLINE_DEPTH_LIMIT * 16);
        capture_end(&capture);
}

/* A node that skips a level is drawn one level down, not in the air. */
static void test_a_skipped_level(void **state)
{
        _cleanup_outline_ struct outline *outline = outline_new();
        struct capture capture;

        outline_add(outline, 0, "a");
        outline_add(outline, 5, "b");
        outline_print(outline, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), "a\n└── b\n");
        capture_end(&capture);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_join),
                cmocka_unit_test(test_text_is_made_safe),
                cmocka_unit_test(test_depth_is_limited),
                cmocka_unit_test(test_a_skipped_level),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
