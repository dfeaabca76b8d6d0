/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "crypto/key.h"
#include "crypto/key_ring.h"

static int setup(void **state)
{
        int ret = scratch_setup(state);

        if (ret < 0)
                return ret;
        make_key("rsa", KEY_RSA_HOW);
        make_key("ec", KEY_EC_HOW "P-256");
        make_key("ed", "-algorithm ED25519");
        make_certificate("rsa");
        make_key("weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024");
        shell("printf 'secret\\n' > pass; printf 'other\\n' > other");
        shell("openssl pkey -in ec.key -aes-256-cbc -passout pass:secret -out locked.key");
        return 0;
}

/* openssl verifies what we sign, and we what openssl signs. */
static void test_signatures(void **state)
{
        static const char *const names[] = {"rsa", "ec"};

        shell("printf payload > payload");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_key_ struct key *private = NULL, *public = NULL;
                _cleanup_buffer_ struct buffer signature = {0};
                char path[32], command[256];
                struct error err = {0};
                FILE *file;

                snprintf(path, sizeof(path), "%s.key", names[i]);
                assert_success(key_load_private(path, &private, &err), &err);
                snprintf(path, sizeof(path), "%s.pub", names[i]);
                assert_success(key_load_public(path, &public, &err), &err);
                assert_success(key_sign(private, SLICE_TEXT("payload"), &signature, &err), &err);
                assert_int_equal(key_verify(public, SLICE_TEXT("payload"), buffer_slice(&signature)), 0);
                assert_int_equal(key_verify(public, SLICE_TEXT("Payload"), buffer_slice(&signature)),
                                 -EBADMSG);
                file = fopen("signature", "w");
                assert_int_equal(fwrite(signature.data, 1, signature.size, file), signature.size);
                fclose(file);
                snprintf(command, sizeof(command),
                         "openssl dgst -sha256 -verify %s.pub -signature signature payload > /dev/null",
                         names[i]);
                shell(command);
                signature.data[signature.size / 2] ^= 1;
                assert_int_equal(key_verify(public, SLICE_TEXT("payload"), buffer_slice(&signature)),
                                 -EBADMSG);
                assert_int_equal(key_verify(public, SLICE_TEXT("payload"), (struct slice){0}), -EBADMSG);
        }
}

static void test_ed25519_signs(void **state)
{
        _cleanup_key_ struct key *private = NULL, *public = NULL, *other = NULL;
        _cleanup_buffer_ struct buffer signature = {0};
        struct error err = {0};

        assert_success(key_load_private("ed.key", &private, &err), &err);
        assert_success(key_load_public("ed.pub", &public, &err), &err);
        assert_success(key_load_public("ec.pub", &other, &err), &err);
        assert_success(key_sign(private, SLICE_TEXT("x"), &signature, &err), &err);
        assert_int_equal(key_verify(public, SLICE_TEXT("x"), buffer_slice(&signature)), 0);
        assert_int_equal(key_verify(other, SLICE_TEXT("x"), buffer_slice(&signature)), -EBADMSG);
        signature.size = 0;
        assert_error(key_sign(public, SLICE_TEXT("x"), &signature, &err), &err, ERROR_KEY_FILE);
}

static void test_passphrases(void **state)
{
        _cleanup_key_ struct key *key = NULL, *by_number = NULL;
        struct error err = {0};
        char text[64];
        FILE *pass;

        assert_success(key_load_private("locked.key:file=pass", &key, &err), &err);
        assert_string_equal(key_name(key), "locked.key");
        assert_error(key_load_private("locked.key", &key, &err), &err, ERROR_KEY_PASSPHRASE);
        assert_error(key_load_private("locked.key:file=other", &key, &err), &err, ERROR_KEY_PASSPHRASE);
        assert_error(key_load_private("locked.key:secret", &key, &err), &err, ERROR_USAGE);
        assert_null(strstr(err.text, "secret"));
        pass = fopen("pass", "r");
        snprintf(text, sizeof(text), "locked.key:fd=%d", fileno(pass));
        assert_success(key_load_private(text, &by_number, &err), &err);
        fclose(pass);
        assert_error(key_load_private("locked.key:fd=x", &by_number, &err), &err, ERROR_USAGE);
}

static void test_what_is_no_key(void **state)
{
        struct key *key = NULL;
        struct error err = {0};

        assert_error(key_load_private("rsa.pub", &key, &err), &err, ERROR_KEY_FILE);
        assert_error(key_load_public("rsa.key", &key, &err), &err, ERROR_KEY_FILE);
        assert_error(key_load_public("pass", &key, &err), &err, ERROR_KEY_FILE);
        assert_error(key_load_public("weak.pub", &key, &err), &err, ERROR_KEY_FILE);
        assert_error(key_load_public("absent", &key, &err), &err, ERROR_NOT_FOUND);
        assert_error(key_load_private("absent.key:file=pass", &key, &err), &err, ERROR_NOT_FOUND);
        assert_null(key);
}

static void test_certificate_is_a_public_key(void **state)
{
        _cleanup_key_ struct key *certificate = NULL, *plain = NULL;
        struct error err = {0};

        assert_success(key_load_public("rsa.crt", &certificate, &err), &err);
        assert_true(key_has_certificate(certificate));
        assert_success(key_load_public("rsa.pub", &plain, &err), &err);
        assert_false(key_has_certificate(plain));
}

static void test_ring(void **state)
{
        const struct secret_memory *passphrases;
        const struct key *const *keys;
        struct error err = {0};
        size_t count;

        unsetenv("SNAP_DECRYPTION_KEY");
        assert_error(key_ring_keys("a.tar", &keys, &count, &err), &err, ERROR_KEY_NONE);
        setenv("SNAP_DECRYPTION_KEY", "locked.key:file=pass", 1);
        assert_success(key_ring_keys("a.tar", &keys, &count, &err), &err);
        assert_int_equal(count, 1);
        assert_success(key_ring_add("rsa.key", &err), &err);
        assert_success(key_ring_add("pass", &err), &err);
        assert_success(key_ring_keys("a.tar", &keys, &count, &err), &err);
        assert_int_equal(count, 1);
        assert_string_equal(key_name(keys[0]), "rsa.key");
        assert_success(key_ring_passphrases("a.tar", &passphrases, &count, &err), &err);
        assert_int_equal(count, 1);
        assert_int_equal(passphrases[0].size, strlen("secret"));
        assert_memory_equal(passphrases[0].data, "secret", strlen("secret"));
        assert_success(key_ring_add("absent", &err), &err);
        assert_error(key_ring_keys("a.tar", &keys, &count, &err), &err, ERROR_NOT_FOUND);
        key_ring_clear();
        unsetenv("SNAP_DECRYPTION_KEY");
        assert_error(key_ring_keys("a.tar", &keys, &count, &err), &err, ERROR_KEY_NONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signatures),
                cmocka_unit_test(test_ed25519_signs),
                cmocka_unit_test(test_passphrases),
                cmocka_unit_test(test_what_is_no_key),
                cmocka_unit_test(test_certificate_is_a_public_key),
                cmocka_unit_test(test_ring),
        };

        return cmocka_run_group_tests(tests, setup, scratch_teardown);
}
