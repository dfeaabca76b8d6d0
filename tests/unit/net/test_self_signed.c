/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <sys/stat.h>
#include <time.h>
#include "net/errors.h"
#include "net/self_signed.h"

#define DAY (24 * 3600)

static struct self_signed ensure(void)
{
        struct self_signed own;
        struct error err = {0};

        assert_success(self_signed_ensure("node1", "own.crt", "own.key", &own, &err), &err);
        return own;
}

/* Made once, and then left as it is. */
static void test_made(void **state)
{
        struct self_signed first = ensure(), second = ensure();
        struct stat st;

        assert_string_equal(first.fingerprint, second.fingerprint);
        assert_true(first.renew_s > time(NULL) + 3600 * DAY && first.renew_s < time(NULL) + 3650 * DAY);
        assert_int_equal(stat("own.key", &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        shell("openssl x509 -in own.crt -noout -checkhost node1 | grep -q 'does match'");
        shell("openssl verify -CAfile own.crt own.crt > /dev/null");
}

/* When it is about to expire, and when it is lost: of the same key. */
static void test_renewed(void **state)
{
        struct self_signed before, after;

        (void)ensure();
        shell("openssl req -x509 -new -key own.key -subj /CN=old -days 31 -out own.crt");
        before = ensure();
        shell("openssl x509 -in own.crt -noout -subject | grep -q old");
        assert_true(before.renew_s > time(NULL) && before.renew_s < time(NULL) + 2 * DAY);
        shell("openssl req -x509 -new -key own.key -subj /CN=old -days 29 -out own.crt");
        after = ensure();
        assert_true(after.renew_s > time(NULL) + 3600 * DAY);
        assert_string_not_equal(before.fingerprint, after.fingerprint);
        shell("openssl pkey -in own.key -pubout -out key.pub && openssl x509 -in own.crt -noout -pubkey | "
              "cmp - key.pub");
        shell("rm own.crt");
        (void)ensure();
        shell("openssl x509 -in own.crt -noout -pubkey | cmp - key.pub");
        shell("rm own.key");
        (void)ensure();
        shell("! openssl x509 -in own.crt -noout -pubkey | cmp -s - key.pub");
}

static void test_unusable(void **state)
{
        struct self_signed own;
        struct error err = {0};

        shell("echo x > own.key");
        assert_error(self_signed_ensure("node1", "own.crt", "own.key", &own, &err), &err, ERROR_SERVER_TLS);
        assert_non_null(strstr(err.text, "own.key"));
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(test_made),
                IN_SCRATCH(test_renewed),
                IN_SCRATCH(test_unusable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
