/* SPDX-License-Identifier: Apache-2.0 */
/* What registries and token servers answer. */
#include "testing.h"

#include "oci/registry_session.h"

static int token_of(const char *text, char **token, uint64_t *seconds)
{
        struct error err = {0};

        return registry_token_parse(SLICE_TEXT(text), token, seconds, &err);
}

static void test_tokens(void **state)
{
        uint64_t seconds;
        char *token;

        assert_int_equal(token_of("{\"token\": \"abc.def\", \"expires_in\": 300}", &token, &seconds), 0);
        assert_string_equal(token, "abc.def");
        assert_int_equal(seconds, 300);
        free(token);
        assert_int_equal(token_of("{\"access_token\": \"x\"}", &token, &seconds), 0);
        assert_string_equal(token, "x");
        assert_int_equal(seconds, 60);
        free(token);
        /* It would break out of its header. */
        assert_int_equal(token_of("{\"token\": \"a\\r\\nX-Evil: 1\"}", &token, &seconds), -EBADMSG);
        assert_null(token);
        assert_int_equal(token_of("{\"token\": \"\"}", &token, &seconds), -EBADMSG);
        assert_int_equal(token_of("{\"token\": 5}", &token, &seconds), -EBADMSG);
        assert_int_equal(token_of("nothing", &token, &seconds), -EBADMSG);
}

static void test_ranges(void **state)
{
        uint64_t size = 7;

        assert_true(session_range_parse("0-99", &size));
        assert_int_equal(size, 100);
        assert_true(session_range_parse("bytes=0-99", &size));
        assert_int_equal(size, 100);
        assert_true(session_range_parse("0-0", &size));
        assert_int_equal(size, 0);
        assert_false(session_range_parse("5-99", &size));
        assert_false(session_range_parse("00-99", &size));
        assert_false(session_range_parse("0-", &size));
        assert_false(session_range_parse("-5", &size));
        assert_false(session_range_parse("", &size));
        assert_false(session_range_parse("0-18446744073709551615", &size));
        assert_false(session_range_parse("0-99999999999999999999", &size));
}

static void assert_refusal(unsigned status, const char *body, const struct error_kind *kind, int expected,
                           const char *quoted)
{
        struct registry_auth *auth = NULL;
        struct registry registry = {0};
        struct http_response response = {.status = status};
        struct error err = {0};
        char name[] = "r.example/web";

        assert_success(registry_auth_new(&auth, &err), &err);
        registry = (struct registry){.host = name, .name = name, .auth = auth};
        assert_int_equal(buffer_append_text(&response.body, body), 0);
        assert_int_equal(registry_refusal(&registry, &response, "do it", &err), expected);
        assert_ptr_equal(err.kind, kind);
        assert_non_null(strstr(err.text, "cannot do it at `r.example/web`"));
        assert_non_null(strstr(err.text, quoted));
        for (const char *c = err.text; *c; c++)
                assert_true((unsigned char)*c >= ' ');
        http_response_free(&response);
        registry_auth_free(auth);
}

static void test_refusals(void **state)
{
        char text[2000] = "{\"errors\": [{\"code\": \"DENIED\", \"message\": \"";

        assert_refusal(404, "", &ERROR_IMAGE_NOT_FOUND, -ENOENT, "answers 404");
        assert_refusal(403, "{\"errors\": [{\"code\": \"DENIED\", \"message\": \"go away\"}]}",
                       &ERROR_REGISTRY_DENIED, -EACCES, "403 (DENIED: go away)");
        assert_refusal(400, "{\"errors\": [{\"code\": \"UNSUPPORTED\"}]}", &ERROR_REGISTRY_NOT_ALLOWED,
                       -EOPNOTSUPP, "400 (UNSUPPORTED)");
        assert_refusal(507, "<html>", &ERROR_REGISTRY_TOO_LARGE, -ENOSPC, "507");
        assert_refusal(418, "{\"errors\": 5}", &ERROR_REGISTRY_ANSWER, -EIO, "418");
        assert_refusal(400, "{\"errors\": [{\"code\": 5, \"message\": \"a\\u001b[2J\\nb\"}]}",
                       &ERROR_REGISTRY_ANSWER, -EIO, "(a [2J b)");
        memset(text + strlen(text), 'x', 1900);
        strcat(text, "\"}]}");
        assert_refusal(403, text, &ERROR_REGISTRY_DENIED, -EACCES, "DENIED: xxxx");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_ranges),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
