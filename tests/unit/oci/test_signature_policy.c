/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "oci/errors.h"
#include "oci/signature_policy.h"

static const char text[] = "{\"default\":\"reject\",\"images\":{"
                           "\"registry.example\":\"accept\","
                           "\"registry.example/team\":{\"signedBy\":[\"/k/a.pub\",\"/k/b.pub\"]},"
                           "\"registry.example/team/test\":\"accept\","
                           "\"oci:/srv/images\":\"accept\","
                           "\"registry.example:5000/\":\"accept\"}}";

static void test_longest_name_counts(void **state)
{
        static const struct {
                const char *image;
                enum policy_verdict verdict;
        } cases[] = {
                {"registry.example/web:1", POLICY_ACCEPT},
                {"registry.example/team/web:1", POLICY_SIGNED},
                {"registry.example/team:1", POLICY_SIGNED},
                {"registry.example/team@sha256:00", POLICY_SIGNED},
                {"registry.example/teams/web:1", POLICY_ACCEPT},
                {"registry.example/team/test:1", POLICY_ACCEPT},
                {"registry.example/team/test/x:1", POLICY_ACCEPT},
                {"registry.example/team/testing:1", POLICY_SIGNED},
                {"registry.example.org/web:1", POLICY_REJECT},
                {"registry.example:5000/web:1", POLICY_ACCEPT},
                {"oci:/srv/images:web", POLICY_ACCEPT},
                {"oci:/srv/images/x:web", POLICY_ACCEPT},
                {"oci:/srv/images2:web", POLICY_REJECT},
                {"oci-archive:/srv/images", POLICY_REJECT},
        };
        _cleanup_policy_ struct policy *policy = NULL;
        struct error err = {0};

        assert_success(policy_parse(SLICE_TEXT(text), "policy.json", &policy, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (policy_find(policy, cases[i].image)->verdict != cases[i].verdict)
                        fail_msg("%s", cases[i].image);
        assert_int_equal(policy_find(policy, "registry.example/team/web:1")->key_count, 2);
        assert_string_equal(policy_find(policy, "registry.example/team/web:1")->keys[1], "/k/b.pub");
}

static void test_default_accepts(void **state)
{
        _cleanup_policy_ struct policy *policy = NULL;
        struct error err = {0};

        assert_success(policy_parse(SLICE_TEXT("{}"), "p", &policy, &err), &err);
        assert_int_equal(policy_find(policy, "x/y:1")->verdict, POLICY_ACCEPT);
}

/* What is not understood might have been a demand. */
static void test_refused(void **state)
{
        static const char *const wrong[] = {"",
                                            "[]",
                                            "{\"images\":[]}",
                                            "{\"image\":{}}",
                                            "{\"default\":\"maybe\"}",
                                            "{\"default\":null}",
                                            "{\"images\":{\"a\":true}}",
                                            "{\"images\":{\"\":\"accept\"}}",
                                            "{\"images\":{\"a\":{}}}",
                                            "{\"images\":{\"a\":{\"signedBy\":[]}}}",
                                            "{\"images\":{\"a\":{\"signedBy\":[\"relative\"]}}}",
                                            "{\"images\":{\"a\":{\"signedBy\":\"/k\"}}}",
                                            "{\"images\":{\"a\":{\"signedBy\":[1]}}}",
                                            "{\"images\":{\"a\":{\"signedBy\":[\"/k\"],\"also\":1}}}",
                                            "{\"images\":{\"a\\u0000b\":\"accept\"}}"};

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct policy *policy = NULL;
                struct error err = {0};

                assert_error(policy_parse(SLICE_TEXT(wrong[i]), "p", &policy, &err), &err, ERROR_POLICY_FILE);
                assert_null(policy);
        }
}

static void test_file(void **state)
{
        struct policy *policy = NULL;
        struct error err = {0};
        FILE *file;

        policy_use("absent.json"); /* one that was asked for must be there */
        assert_error(policy_load(&policy, &err), &err, ERROR_NOT_FOUND);
        file = fopen("policy.json", "w");
        fputs(text, file);
        fclose(file);
        policy_use("policy.json");
        assert_success(policy_load(&policy, &err), &err);
        policy_free(policy);
        policy_use(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_longest_name_counts),
                cmocka_unit_test(test_default_accepts),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_file),
        };

        return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
