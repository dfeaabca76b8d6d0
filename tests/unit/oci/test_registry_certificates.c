/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "net/errors.h"
#include "oci/registry_certificates.h"

#define HOST      "r.example:5000"
#define DIRECTORY "containers/certs.d/" HOST "/"

static int setup(void **state)
{
        int ret = scratch_setup(state);

        if (ret == 0)
                ret = setenv("XDG_CONFIG_HOME", ".", 1);
        if (ret == 0)
                ret = mkdir("containers", 0700);
        if (ret == 0)
                ret = mkdir("containers/certs.d", 0700);
        return ret == 0 ? mkdir(DIRECTORY, 0700) : ret;
}

static void put(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(file_write_full(fd, text, strlen(text)), 0);
}

static void test_none(void **state)
{
        _cleanup_registry_certificates_ struct registry_certificates found;
        struct error err = {0};

        put(DIRECTORY "ca.crt", "one");
        assert_success(registry_certificates_find("r.example", &found, &err), &err);
        assert_int_equal(found.authorities.size, 0);
        assert_null(found.certificate);
        assert_null(found.key);
}

static void test_authorities(void **state)
{
        _cleanup_registry_certificates_ struct registry_certificates found;
        struct error err = {0};

        put(DIRECTORY "ca.crt", "one");
        put(DIRECTORY "other.crt", "two");
        put(DIRECTORY "ca.pem", "no");
        assert_success(registry_certificates_find(HOST, &found, &err), &err);
        /* Each in lines of its own, in whatever order. */
        assert_true(strcmp(buffer_text(&found.authorities), "one\ntwo\n") == 0 ||
                    strcmp(buffer_text(&found.authorities), "two\none\n") == 0);
        assert_null(found.certificate);
}

static void test_pairs(void **state)
{
        static const char *const names[] = {"b", "a", "c"};
        _cleanup_registry_certificates_ struct registry_certificates found;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[64];

                snprintf(path, sizeof(path), DIRECTORY "%s.cert", names[i]);
                put(path, "certificate");
        }
        put(DIRECTORY "b.key", "key");
        assert_error(registry_certificates_find(HOST, &found, &err), &err, ERROR_TLS_OWN);
        assert_non_null(strstr(err.text, "a.key"));
        put(DIRECTORY "a.key", "key");
        assert_success(registry_certificates_find(HOST, &found, &err), &err);
        assert_string_equal(found.certificate, "./" DIRECTORY "a.cert");
        assert_string_equal(found.key, "./" DIRECTORY "a.key");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_none, setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_authorities, setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_pairs, setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
