/* SPDX-License-Identifier: Apache-2.0 */
/* What clients write into headers and paths. */
#include "testing.h"

#include "net/authorization.h"
#include "net/listen.h"
#include "net/range.h"
#include "net/uri.h"

static void check_range(const char *text, enum range_result expected, uint64_t offset, uint64_t size)
{
        struct range range;

        if (range_parse(text, 1000, &range) != expected)
                fail_msg("`%s` is taken for something else", text ?: "(none)");
        if (expected != RANGE_PART)
                return;
        assert_int_equal(range.offset, offset);
        assert_int_equal(range.size, size);
}

static void test_ranges(void **state)
{
        static const char *const ignored[] = {NULL,
                                              "",
                                              "bytes",
                                              "bytes=",
                                              "bytes=x-",
                                              "bytes=-",
                                              "bytes=5-1",
                                              "bytes=0-1 ",
                                              "bytes= 0-1",
                                              "bytes=0-1,5-6",
                                              "bytes=+1-2",
                                              "items=0-1",
                                              "bytes=--1",
                                              "bytes=0--1",
                                              "bytes=0x1-0x2",
                                              "bytes=1",
                                              "bytes=-5x",
                                              "Bytes=0-1",
                                              "bytes=99999999999999999999-",
                                              "bytes=0-99999999999999999999"};

        check_range("bytes=0-99", RANGE_PART, 0, 100);
        check_range("bytes=0-0", RANGE_PART, 0, 1);
        check_range("bytes=100-", RANGE_PART, 100, 900);
        check_range("bytes=999-999", RANGE_PART, 999, 1);
        check_range("bytes=900-5000", RANGE_PART, 900, 100);
        check_range("bytes=0-18446744073709551615", RANGE_PART, 0, 1000);
        check_range("bytes=-5", RANGE_PART, 995, 5);
        check_range("bytes=-5000", RANGE_PART, 0, 1000);
        check_range("bytes=1000-", RANGE_UNSATISFIABLE, 0, 0);
        check_range("bytes=-0", RANGE_UNSATISFIABLE, 0, 0);
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                check_range(ignored[i], RANGE_NONE, 0, 0);
}

static void test_nothing_has_no_part(void **state)
{
        struct range range;

        assert_int_equal(range_parse("bytes=0-", 0, &range), RANGE_UNSATISFIABLE);
        assert_int_equal(range_parse("bytes=-1", 0, &range), RANGE_UNSATISFIABLE);
}

static void test_content_ranges(void **state)
{
        static const char *const right[] = {"0-99", "bytes 0-99", "bytes 0-99/100", "bytes 0-99/*",
                                            "0-99/200"};
        static const char *const wrong[] = {"",
                                            "-",
                                            "0-",
                                            "99-0",
                                            "bytes=0-99",
                                            "0-99/",
                                            "0-99/99",
                                            "0-99/x",
                                            "0-99 ",
                                            "a-b",
                                            "0-99/**",
                                            "-1-99",
                                            "0-18446744073709551615"};
        struct range range;

        for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
                assert_true(content_range_parse(right[i], &range));
                assert_int_equal(range.offset, 0);
                assert_int_equal(range.size, 100);
        }
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (content_range_parse(wrong[i], &range))
                        fail_msg("`%s` is taken", wrong[i]);
}

static void test_percent_encoding(void **state)
{
        static const char *const wrong[] = {"%", "%4", "a%zz", "%00", "%-1"};
        _cleanup_buffer_ struct buffer out = {0};

        assert_int_equal(uri_decode(SLICE_TEXT("a%2Fb%c3%A9+c"), false, &out), 0);
        assert_string_equal(buffer_text(&out), "a/b\xc3\xa9+c");
        out.size = 0;
        assert_int_equal(uri_decode(SLICE_TEXT("a+b"), true, &out), 0);
        assert_string_equal(buffer_text(&out), "a b");
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(uri_decode(SLICE_TEXT(wrong[i]), false, &out), -EINVAL);
}

static void test_authorization(void **state)
{
        static const char *const wrong[] = {"",           "Basic",          "Basic ",
                                            "Basic !!!!", "Basic dXNlcg==", "Bearer",
                                            "Digest abc", "Basic AGE6Yg==", "Basicx dTpw"};
        _cleanup_authorization_ struct authorization found = {0};

        assert_int_equal(authorization_parse("Basic dXNlcjpwYTpzcw==", &found), 0);
        assert_string_equal(found.user, "user");
        assert_string_equal(found.secret, "pa:ss");
        authorization_free(&found);
        assert_int_equal(authorization_parse("basic Og==", &found), 0);
        assert_string_equal(found.user, "");
        assert_string_equal(found.secret, "");
        authorization_free(&found);
        assert_int_equal(authorization_parse("Bearer  abc.def", &found), 0);
        assert_string_equal(found.secret, "abc.def");
        authorization_free(&found);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (authorization_parse(wrong[i], &found) != -EINVAL)
                        fail_msg("`%s` is taken", wrong[i]);
}

static void check_local(const char *where, bool expected)
{
        struct error err = {0};
        bool is_local;

        assert_success(listen_is_local(where, &is_local, &err), &err);
        if (is_local != expected)
                fail_msg("`%s` is %s", where, is_local ? "local" : "not local");
}

static void test_addresses(void **state)
{
        static const char *const wrong[] = {
                "", "x", "127.0.0.1", "127.0.0.1:", "::1:5000", "unix:", "[::1]", "1.2.3.4:x"};
        struct error err = {0};
        bool is_local;

        check_local("127.0.0.1:0", true);
        check_local("127.9.9.9:80", true);
        check_local("[::1]:5000", true);
        check_local("unix:/run/x", true);
        check_local("0.0.0.0:0", false);
        check_local(":5000", false);
        check_local("[::]:5000", false);
        check_local("10.0.0.1:5000", false);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (listen_is_local(wrong[i], &is_local, &err) != -EINVAL)
                        fail_msg("`%s` is taken", wrong[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranges),         cmocka_unit_test(test_nothing_has_no_part),
                cmocka_unit_test(test_content_ranges), cmocka_unit_test(test_percent_encoding),
                cmocka_unit_test(test_authorization),  cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
