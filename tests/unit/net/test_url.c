/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "net/errors.h"
#include "net/url.h"

static void test_parts(void **state)
{
        _cleanup_url_ struct url url = {0};
        struct error err = {0};

        assert_success(url_parse("HTTPS://Registry.Example/v2/", &url, &err), &err);
        assert_true(url.is_tls);
        assert_string_equal(url.host, "registry.example");
        assert_int_equal(url.port, 443);
        url_free(&url);
        assert_success(url_parse("http://[::1]:5000/x?y#z", &url, &err), &err);
        assert_false(url.is_tls);
        assert_string_equal(url.host, "::1");
        assert_int_equal(url.port, 5000);
}

static void test_refused(void **state)
{
        static const char *const bad[] = {
                "file:///etc/passwd", "ftp://a/", "//a/b",           "a/b", "https://user:pw@a/",
                "http://a/\r\nX: y",  "https://", "http://a:99999/", ""};
        struct error err;
        struct url url;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                err = (struct error){0};
                assert_error(url_parse(bad[i], &url, &err), &err, ERROR_HTTP_URL);
                assert_null(url.host);
        }
}

static void assert_resolves(const char *base, const char *reference, const char *expected)
{
        _cleanup_free_ char *url = NULL;
        struct error err = {0};

        assert_success(url_resolve(base, reference, &url, &err), &err);
        assert_string_equal(url, expected);
}

static void test_resolve(void **state)
{
        const char *base = "https://a.example:5000/v2/x/blobs/uploads/1?_state=q";
        char *url = NULL;

        assert_resolves(base, "/v2/y?z=1", "https://a.example:5000/v2/y?z=1");
        assert_resolves(base, "2?_state=r", "https://a.example:5000/v2/x/blobs/uploads/2?_state=r");
        assert_resolves(base, "?_state=s", "https://a.example:5000/v2/x/blobs/uploads/1?_state=s");
        assert_resolves(base, "../3", "https://a.example:5000/v2/x/blobs/3");
        assert_resolves(base, "http://b.example/c#d", "http://b.example/c");
        assert_resolves(base, "//b.example/c", "https://b.example/c");
        assert_int_equal(url_resolve(base, "file:///etc/passwd", &url, NULL), -EINVAL);
        assert_int_equal(url_resolve(base, "https://me:pw@b.example/", &url, NULL), -EINVAL);
        assert_null(url);
}

static void test_origin(void **state)
{
        assert_true(url_same_origin("https://a.example/x", "https://A.example:443/y?z"));
        assert_false(url_same_origin("https://a.example/x", "http://a.example/x"));
        assert_false(url_same_origin("https://a.example/x", "https://a.example:444/x"));
        assert_false(url_same_origin("https://a.example/x", "https://a.example.evil/x"));
        assert_false(url_same_origin("https://a.example/x", "nothing"));
}

static void test_loopback(void **state)
{
        assert_true(url_host_is_loopback("localhost"));
        assert_true(url_host_is_loopback("LocalHost:5000"));
        assert_true(url_host_is_loopback("127.0.0.1:1"));
        assert_true(url_host_is_loopback("127.255.3.4"));
        assert_true(url_host_is_loopback("[::1]:5000"));
        assert_true(url_host_is_loopback("::1"));
        assert_false(url_host_is_loopback("localhost.example"));
        assert_false(url_host_is_loopback("127.0.0.1.example"));
        assert_false(url_host_is_loopback("128.0.0.1"));
        assert_false(url_host_is_loopback("[::2]"));
        assert_false(url_host_is_loopback("[::1]x"));
}

static void test_escape(void **state)
{
        _cleanup_buffer_ struct buffer out = {0};

        assert_int_equal(url_escape(&out, "a-Z_0.~ /?&=%\xc3\xa4\n"), 0);
        assert_string_equal(buffer_text(&out), "a-Z_0.~%20%2F%3F%26%3D%25%C3%A4%0A");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),    cmocka_unit_test(test_refused),
                cmocka_unit_test(test_resolve),  cmocka_unit_test(test_origin),
                cmocka_unit_test(test_loopback), cmocka_unit_test(test_escape),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
