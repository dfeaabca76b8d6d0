/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "capture_output.h"
#include "cli/text.h"

static void assert_safe(const char *text, size_t size, const char *expected)
{
        _cleanup_buffer_ struct buffer out = {0};

        text_append_safe(&out, (struct slice){(const uint8_t *)text, size});
        assert_string_equal(buffer_text(&out), expected);
}

static void test_a_terminal_is_not_driven(void **state)
{
        assert_safe("plain", 5, "plain");
        assert_safe("a\033[2Jb", 6, "a\\x1b[2Jb");
        assert_safe("a\nb\tc\r", 6, "a\\x0ab\\x09c\\x0d");
        assert_safe("\x7f", 1, "\\x7f");
        assert_safe("a\0b", 3, "a\\x00b");
        assert_safe("\xc2\x9b"
                    "31m",
                    5, "\\u{9b}31m"); /* C1 control sequence introducer */
        assert_safe("\xe2\x80\xae"
                    "gpj.exe",
                    10, "\\u{202e}gpj.exe");
        assert_safe("\xef\xbb\xbf", 3, "\\u{feff}");
        assert_safe("größe 容器", 14, "größe 容器");
}

static void test_invalid_utf8_is_shown_as_bytes(void **state)
{
        assert_safe("\xff\xfe", 2, "\\xff\\xfe");
        assert_safe("\xc3", 1, "\\xc3");
        assert_safe("\xc0\x80", 2, "\\xc0\\x80");          /* overlong */
        assert_safe("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* surrogate */
        assert_safe("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80");
}

static void test_json_gets_valid_utf8(void **state)
{
        _cleanup_buffer_ struct buffer out = {0};

        text_append_utf8(&out, (struct slice){(const uint8_t *)"a\xff"
                                                               "b\xe5\xae\xb9\xc3",
                                              7});
        assert_string_equal(buffer_text(&out), "a\xef\xbf\xbd"
                                               "b容\xef\xbf\xbd");
}

static void assert_fitted(const char *text, size_t width, bool padded, const char *expected)
{
        struct capture capture;

        text_print_fitted(text, width, padded, capture_begin(&capture));
        assert_string_equal(capture_text(&capture), expected);
        capture_end(&capture);
}

static void test_text_is_cut_to_columns(void **state)
{
        assert_fitted("abcdef", 6, false, "abcdef");
        assert_fitted("abcdefg", 6, false, "abc...");
        assert_fitted("ab", 4, true, "ab  ");
        assert_fitted("ab", 4, false, "ab");
        assert_fitted("容器容器", 8, true, "容器容器");
        assert_fitted("容器容器", 7, true, "容器...");
        assert_fitted("容器容器", 6, true, "容... "); /* half a character is not shown */
        assert_fitted("a\nb", 9, true, "a\\x0ab   ");
        assert_fitted("", 3, true, "   ");
}

static void test_width(void **state)
{
        assert_int_equal(text_width(""), 0);
        assert_int_equal(text_width("größe"), 5);
        assert_int_equal(text_width("容器"), 4);
        assert_int_equal(text_width("e\xcc\x81"), 1); /* with a combining acute */
        assert_int_equal(text_width("🦭"), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_terminal_is_not_driven),
                cmocka_unit_test(test_invalid_utf8_is_shown_as_bytes),
                cmocka_unit_test(test_json_gets_valid_utf8),
                cmocka_unit_test(test_text_is_cut_to_columns),
                cmocka_unit_test(test_width),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
