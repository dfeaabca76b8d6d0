/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "net/headers.h"

static void test_challenges(void **state)
{
        const char *field = "Basic realm=\"a \\\"b\\\", c\", Bearer realm=\"https://t.example/token\" , "
                            "service=registry.example,scope=\"repository:a/b:pull,push repository:c:pull\", "
                            "Negotiate, NTLM";
        struct http_challenge challenge;

        assert_int_equal(http_challenge_next(&field, &challenge), 1);
        assert_string_equal(challenge.scheme, "Basic");
        assert_string_equal(http_challenge_parameter(&challenge, "Realm"), "a \"b\", c");
        http_challenge_free(&challenge);
        assert_int_equal(http_challenge_next(&field, &challenge), 1);
        assert_string_equal(challenge.scheme, "Bearer");
        assert_string_equal(http_challenge_parameter(&challenge, "realm"), "https://t.example/token");
        assert_string_equal(http_challenge_parameter(&challenge, "service"), "registry.example");
        assert_string_equal(http_challenge_parameter(&challenge, "scope"),
                            "repository:a/b:pull,push repository:c:pull");
        assert_null(http_challenge_parameter(&challenge, "error"));
        http_challenge_free(&challenge);
        assert_int_equal(http_challenge_next(&field, &challenge), 1);
        assert_string_equal(challenge.scheme, "Negotiate");
        http_challenge_free(&challenge);
        assert_int_equal(http_challenge_next(&field, &challenge), 1);
        http_challenge_free(&challenge);
        assert_int_equal(http_challenge_next(&field, &challenge), 0);
}

static void test_bad_challenges(void **state)
{
        static const char *const bad[] = {
                "=",
                "Bearer realm=\"open",
                "Bearer realm=",
                "Bearer a=b c=d",
                "Bearer realm=\"a\" b",
                "\"x\"",
                "B a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1"};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const char *field = bad[i];
                struct http_challenge challenge;

                if (http_challenge_next(&field, &challenge) != -EBADMSG)
                        fail_msg("%s is accepted", bad[i]);
                assert_null(challenge.scheme);
        }
}

static void assert_link(const char *field, const char *expected)
{
        char *target = http_link(field, "next");

        if (expected)
                assert_string_equal(target, expected);
        else
                assert_null(target);
        free(target);
}

static void test_links(void **state)
{
        assert_link("</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b");
        assert_link("</1>; rel=prev, </2,3>; title=\"a, b\"; rel=\"first next\"", "/2,3");
        assert_link("</1>;rel=next", "/1");
        assert_link("</1>; crossorigin; rel=next", "/1");
        assert_link("</1>; rel=\"nextish\"", NULL);
        assert_link("</1>", NULL);
        assert_link("</1; rel=next", NULL);
        assert_link("/1; rel=next", NULL);
        assert_link("</1>; rel=\"next", NULL);
        assert_link("", NULL);
}

static void test_retry_after(void **state)
{
        const int64_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */

        assert_int_equal(http_retry_after("120", now), 120);
        assert_int_equal(http_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), 30);
        assert_int_equal(http_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), 0);
        assert_int_equal(http_retry_after("Sun, 06 ovD 1994 08:50:07 GMT", now), 0);
        assert_int_equal(http_retry_after("-5", now), 0);
        assert_int_equal(http_retry_after("soon", now), 0);
        assert_int_equal(http_retry_after("", now), 0);
        assert_int_equal(http_retry_after("99999999999999999999999", now), 0);
}

static void test_content_range(void **state)
{
        uint64_t first, last, total;

        assert_true(http_content_range("bytes 5-9/100", &first, &last, &total));
        assert_int_equal(first, 5);
        assert_int_equal(last, 9);
        assert_int_equal(total, 100);
        assert_true(http_content_range("bytes 0-0/*", &first, &last, &total));
        assert_true(total == UINT64_MAX);
        assert_false(http_content_range("bytes 9-5/100", &first, &last, &total));
        assert_false(http_content_range("bytes 5-100/100", &first, &last, &total));
        assert_false(http_content_range("bytes */100", &first, &last, &total));
        assert_false(http_content_range("bytes 5-9", &first, &last, &total));
        assert_false(http_content_range("items 5-9/100", &first, &last, &total));
        assert_false(http_content_range("bytes 5-99999999999999999999/100", &first, &last, &total));
        assert_false(http_content_range("bytes 5-9/100x", &first, &last, &total));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_challenges),    cmocka_unit_test(test_bad_challenges),
                cmocka_unit_test(test_links),         cmocka_unit_test(test_retry_after),
                cmocka_unit_test(test_content_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
