/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "kube/review.h"

static void test_tokens(void **state)
{
        static const char yes[] = "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
                                  "\"status\":{\"authenticated\":true,\"user\":{\"username\":"
                                  "\"system:serviceaccount:kube-system:agent\",\"uid\":\"1\",\"groups\":["
                                  "\"system:serviceaccounts\",7,\"\",\"system:authenticated\"]}}}";
        static const char no[] = "{\"kind\":\"TokenReview\",\"status\":{\"error\":\"expired\"}}";
        static const char false_text[] = "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":\"true\","
                                         "\"user\":{\"username\":\"a\"}}}";
        struct principal who = {0};
        struct error err = {0};
        bool is_known;

        assert_success(review_read_token(SLICE_TEXT(yes), &is_known, &who, &err), &err);
        assert_true(is_known);
        assert_string_equal(who.name, "system:serviceaccount:kube-system:agent");
        assert_int_equal(who.group_count, 2);
        assert_string_equal(who.groups[1], "system:authenticated");
        assert_success(review_read_token(SLICE_TEXT(no), &is_known, &who, &err), &err);
        assert_false(is_known);
        assert_success(review_read_token(SLICE_TEXT(false_text), &is_known, &who, &err), &err);
        assert_false(is_known);
}

static void test_access(void **state)
{
        static const struct {
                const char *text;
                bool allowed;
        } answers[] = {
                {"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":true}}", true},
                {"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":false}}", false},
                {"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":1}}", false},
                {"{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":true,\"denied\":true}}", false},
                {"{\"kind\":\"SubjectAccessReview\",\"status\":{}}", false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                struct error err = {0};
                bool allowed = true;

                assert_success(review_read_access(SLICE_TEXT(answers[i].text), &allowed, &err), &err);
                assert_int_equal(allowed, answers[i].allowed);
        }
}

/* What is no answer is an error, never a yes. */
static void test_malformed_answers(void **state)
{
        static const char *const answers[] = {
                "",
                "null",
                "[]",
                "{}",
                "yes",
                "{\"kind\":\"Status\",\"status\":\"Failure\"}",
                "{\"kind\":\"TokenReview\",\"status\":\"true\"}",
                "{\"kind\":\"SubjectAccessReview\",\"status\":[true]}",
                "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true}}",
                "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true,\"user\":{\"username\":\"\"}}"
                "}"};
        struct principal who;
        struct error err;
        bool yes;

        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                err = (struct error){0};
                assert_error(review_read_token(SLICE_TEXT(answers[i]), &yes, &who, &err), &err,
                             ERROR_KUBE_ANSWER);
                assert_false(yes);
                err = (struct error){0};
                assert_error(review_read_access(SLICE_TEXT(answers[i]), &yes, &err), &err, ERROR_KUBE_ANSWER);
                assert_false(yes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_access),
                cmocka_unit_test(test_malformed_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
