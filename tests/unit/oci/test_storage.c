/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "base/bytes.h"
#include "oci/errors.h"
#include "oci/storage.h"

static void test_names_are_completed(void **state)
{
        static const char *const names[][2] = {
                {"web", "localhost/web:latest"},
                {"web:1.0-rc_2", "localhost/web:1.0-rc_2"},
                {"team/web", "localhost/team/web:latest"},
                {"localhost/web", "localhost/web:latest"},
                {"registry.example/web:a", "registry.example/web:a"},
                {"Registry:5000/team/web", "Registry:5000/team/web:latest"},
                {"containers-storage:web", "localhost/web:latest"},
                {"oci", "localhost/oci:latest"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *name = NULL;
                struct error err = {0};

                assert_success(storage_name_parse(names[i][0], &name, &err), &err);
                assert_string_equal(name, names[i][1]);
        }
}

static void test_what_is_no_name_is_refused(void **state)
{
        static const char *const bad[] = {"",
                                          "-web",
                                          "/web",
                                          "./web",
                                          "a//b",
                                          "Web",
                                          "web:",
                                          "web:-1",
                                          "web:a b",
                                          "web@sha256",
                                          "web\n",
                                          "docker://a/b",
                                          "docker-archive:file",
                                          "dir:x",
                                          "oci:x",
                                          "web/",
                                          "a.b/..",
                                          "host:5000/WEB",
                                          "--root=/x",
                                          ":tag",
                                          "-x:1/y",
                                          "containers-storage:dir:x",
                                          "$(id)",
                                          "http://host/web"};

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_free_ char *name = NULL;
                struct error err = {0};

                assert_error(storage_name_parse(bad[i], &name, &err), &err, ERROR_IMAGE_REFERENCE);
        }
}

static void test_a_name_has_a_limit(void **state)
{
        _cleanup_free_ char *name = NULL;
        struct error err = {0};
        char text[400];

        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_error(storage_name_parse(text, &name, &err), &err, ERROR_IMAGE_REFERENCE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_are_completed),
                cmocka_unit_test(test_what_is_no_name_is_refused),
                cmocka_unit_test(test_a_name_has_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
