/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "oci/registry_private.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Parses `text`, which written out in full is `full`. */
static void assert_parsed(const char *text, const char *host, const char *repository, const char *full)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        _cleanup_buffer_ struct buffer again = {0};
        struct error err = {0};

        assert_success(registry_reference_parse(text, &reference, &err), &err);
        assert_string_equal(reference.host, host);
        assert_string_equal(reference.repository, repository);
        assert_int_equal(registry_reference_append(&reference, &again), 0);
        assert_string_equal(buffer_text(&again), full);
}

static void test_parse(void **state)
{
        assert_parsed("docker://busybox", "docker.io", "library/busybox",
                      "docker://docker.io/library/busybox:latest");
        assert_parsed("team/web:1", "docker.io", "team/web", "docker://docker.io/team/web:1");
        assert_parsed("docker.io/busybox", "docker.io", "library/busybox",
                      "docker://docker.io/library/busybox:latest");
        assert_parsed("index.docker.io/a/b", "docker.io", "a/b", "docker://docker.io/a/b:latest");
        assert_parsed("docker://localhost/a", "localhost", "a", "docker://localhost/a:latest");
        assert_parsed("docker://localhost:5000/a/b-c__d.e:V_1.2-3", "localhost:5000", "a/b-c__d.e",
                      "docker://localhost:5000/a/b-c__d.e:V_1.2-3");
        assert_parsed("docker://[::1]:5000/a", "[::1]:5000", "a", "docker://[::1]:5000/a:latest");
        assert_parsed("docker://10.0.0.1/a@sha256:" HEX, "10.0.0.1", "a", "docker://10.0.0.1/a@sha256:" HEX);
        assert_parsed("docker://r.example/a:t@sha256:" HEX, "r.example", "a",
                      "docker://r.example/a:t@sha256:" HEX);
        /* As with everybody else: this is a repository and its tag. */
        assert_parsed("localhost:5000", "docker.io", "library/localhost",
                      "docker://docker.io/library/localhost:5000");
}

static void test_refused(void **state)
{
        static const char *const bad[] = {"docker://",
                                          "docker:///a",
                                          "r.example/",
                                          "r.example//a",
                                          "r.example/A",
                                          "r.example/a/",
                                          "r.example/-a",
                                          "r.example/a-",
                                          "r.example/a..b",
                                          "r.example/a___b",
                                          "r.example/a._b",
                                          "r.example/../b",
                                          "r.example/a?b",
                                          "r.example/a:",
                                          "r.example/a:-t",
                                          "r.example/a:t u",
                                          "r.example/a@sha256:0123",
                                          "r.example/a@" HEX,
                                          "r.example/a@sha512:" HEX,
                                          "r.example:0/a",
                                          "r.example:65536/a",
                                          "r.example:5x/a",
                                          "r.example:/a",
                                          ".example/a",
                                          "r..example/a",
                                          "-r.example/a",
                                          "r.example-/a",
                                          "me@r.example/a",
                                          "me:pw@r.example/a",
                                          "[::1/a",
                                          "[zz]/a",
                                          "[::1]5000/a"};
        struct registry_reference reference;
        struct error err;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                err = (struct error){0};
                if (registry_reference_parse(bad[i], &reference, &err) == 0)
                        fail_msg("%s is accepted", bad[i]);
                assert_ptr_equal(err.kind, &ERROR_IMAGE_REFERENCE);
        }
}

static void test_long_names(void **state)
{
        char name[300];

        memset(name, 'a', sizeof(name));
        name[255] = '\0';
        assert_true(registry_repository_is_valid(name));
        name[255] = 'a';
        name[256] = '\0';
        assert_false(registry_repository_is_valid(name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_long_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
