/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "oci/credentials.h"

/* "alice:secret", "bob:pass:word", "carol:" in base64. */
#define ALICE "{\"auth\": \"YWxpY2U6c2VjcmV0\"}"
#define BOB   "{\"auth\": \"Ym9iOnBhc3M6d29yZA==\"}"
#define CAROL "{\"auth\": \"Y2Fyb2w6\"}"

/* The user for HOST/REPOSITORY; "" for none, the helper's name with a '!' before it. */
static void assert_user(const char *text, const char *host, const char *repository, const char *expected)
{
        _cleanup_credentials_ struct credentials credentials = {0};
        _cleanup_free_ char *helper = NULL;
        struct error err = {0};
        int ret = credentials_parse(SLICE_TEXT(text), "file", host, repository, &credentials, &helper, &err);

        assert_success(ret, &err);
        assert_int_equal(ret, credentials.user || credentials.identity_token);
        if (expected[0] == '!') {
                assert_non_null(helper);
                assert_string_equal(helper, expected + 1);
                return;
        }
        assert_null(helper);
        assert_string_equal(credentials.user ? credentials.user : "", expected);
}

static void test_keys(void **state)
{
        static const char text[] = "{\"auths\": {\"r.example\": " ALICE ", \"r.example/team\": " BOB
                                   ", \"https://index.docker.io/v1/\": " CAROL
                                   ", \"http://old.example/v2/\": " BOB ", \"r.example:5000\": " CAROL "}}";

        assert_user(text, "r.example", "web", "alice");
        assert_user(text, "r.example", "team", "bob");
        assert_user(text, "r.example", "team/web", "bob");
        assert_user(text, "r.example", "teams/web", "alice");
        assert_user(text, "r.example:5000", "web", "carol");
        assert_user(text, "r.example:5001", "web", "");
        assert_user(text, "r.exampl", "web", "");
        assert_user(text, "docker.io", "library/busybox", "carol");
        assert_user(text, "old.example", "v2", "bob");
}

static void test_helpers(void **state)
{
        static const char text[] = "{\"auths\": {\"r.example\": " ALICE ", \"s.example\": {}}, "
                                   "\"credHelpers\": {\"h.example\": \"one\"}, \"credsStore\": \"all\"}";

        assert_user(text, "h.example", "web", "!one");
        assert_user(text, "r.example", "web", "alice");
        assert_user(text, "s.example", "web", "!all");
        assert_user("{}", "r.example", "web", "");
        assert_user("{\"auths\": [], \"credHelpers\": 5, \"credsStore\": \"\"}", "r.example", "web", "");
        assert_user("[]", "r.example", "web", "");
}

static void test_secrets(void **state)
{
        _cleanup_credentials_ struct credentials credentials = {0};
        _cleanup_free_ char *helper = NULL;
        _cleanup_buffer_ struct buffer basic = {0};
        struct error err = {0};

        assert_success(credentials_parse(SLICE_TEXT("{\"auths\": {\"r\": " BOB "}}"), "file", "r", "web",
                                         &credentials, &helper, &err),
                       &err);
        assert_string_equal(credentials.password, "pass:word");
        assert_int_equal(buffer_append_text(&basic, "Basic "), 0);
        assert_int_equal(credentials_append_basic(&credentials, &basic), 0);
        assert_string_equal(buffer_text(&basic), "Basic Ym9iOnBhc3M6d29yZA==");
        credentials_free(&credentials);
        assert_success(credentials_parse(SLICE_TEXT("{\"auths\": {\"r\": {\"auth\": \"YTo=\", "
                                                    "\"identitytoken\": \"t\"}}}"),
                                         "file", "r", "web", &credentials, &helper, &err),
                       &err);
        assert_string_equal(credentials.identity_token, "t");
}

/* What is wrong with the file is said, what it holds is not. */
static void test_malformed(void **state)
{
        static const char *const bad[] = {"", "secret", "{\"auths\": {\"r\": {\"auth\": \"secret!\"}}}",
                                          "{\"auths\": {\"r\": {\"auth\": \"c2VjcmV0\"}}}"};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_credentials_ struct credentials credentials = {0};
                _cleanup_free_ char *helper = NULL;
                struct error err = {0};

                assert_error(credentials_parse(SLICE_TEXT(bad[i]), "the-file", "r", "web", &credentials,
                                               &helper, &err),
                             &err, ERROR_REGISTRY_CREDENTIALS);
                assert_non_null(strstr(err.text, "the-file"));
                assert_null(strstr(err.text, "secret"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_helpers),
                cmocka_unit_test(test_secrets),
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
