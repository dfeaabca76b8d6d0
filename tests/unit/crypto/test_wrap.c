/* SPDX-License-Identifier: Apache-2.0 */
/* A key wrapped for several others, as JWE and as PKCS #7. */
#include "keys.h"

#include "base/base64.h"
#include "base/json.h"
#include "crypto/jwe.h"
#include "crypto/pkcs7.h"

static const char plain[] = "{\"symkey\":\"0123\"}";

static const char *const names[] = {"rsa", "p256", "p384", "p521"};
static struct key *private[ARRAY_SIZE(names)], *public[ARRAY_SIZE(names)];

static int setup(void **state)
{
        int ret = scratch_setup(state);
        struct error err = {0};

        if (ret < 0)
                return ret;
        make_key("rsa", KEY_RSA_HOW);
        make_key("p256", KEY_EC_HOW "P-256");
        make_key("p384", KEY_EC_HOW "P-384");
        make_key("p521", KEY_EC_HOW "P-521");
        make_key("ed", "-algorithm ED25519");
        make_key("other", KEY_RSA_HOW);
        make_certificate("rsa");
        make_certificate("other");
        make_certificate("p256");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[32];

                snprintf(path, sizeof(path), "%s.key", names[i]);
                assert_success(key_load_private(path, &private[i], &err), &err);
                snprintf(path, sizeof(path), "%s.pub", names[i]);
                assert_success(key_load_public(path, &public[i], &err), &err);
        }
        return 0;
}

static int teardown(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                key_free(private[i]);
                key_free(public[i]);
        }
        return scratch_teardown(state);
}

static const struct key *const *as_list(struct key *const *keys)
{
        return (const struct key *const *)keys;
}

static void assert_plain(struct secret_memory *secret)
{
        assert_int_equal(secret->size, strlen(plain));
        assert_memory_equal(secret->data, plain, secret->size);
        secret_memory_free(secret);
}

/* Each of four recipients opens it alone. */
static void test_jwe_for_several(void **state)
{
        _cleanup_buffer_ struct buffer json = {0};
        struct error err = {0};

        assert_success(jwe_encrypt(as_list(public), ARRAY_SIZE(names), SLICE_TEXT(plain), &json, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct secret_memory out = {0};

                assert_success(jwe_decrypt(buffer_slice(&json), as_list(&private[i]), 1, &out, &err), &err);
                assert_plain(&out);
        }
}

static void test_jwe_for_others(void **state)
{
        _cleanup_key_ struct key *ed = NULL;
        _cleanup_buffer_ struct buffer json = {0}, refused = {0};
        struct secret_memory out = {0};
        struct error err = {0};

        assert_success(jwe_encrypt(as_list(public), 2, SLICE_TEXT(plain), &json, &err), &err);
        assert_error(jwe_decrypt(buffer_slice(&json), as_list(private) + 2, 2, &out, &err), &err,
                     ERROR_KEY_WRONG);
        assert_error(jwe_decrypt(buffer_slice(&json), as_list(private), 0, &out, &err), &err,
                     ERROR_KEY_WRONG);
        assert_success(key_load_public("ed.pub", &ed, &err), &err);
        assert_error(jwe_encrypt(as_list(&ed), 1, SLICE_TEXT(plain), &refused, &err), &err, ERROR_KEY_FILE);
        assert_null(out.data);
}

/* No changed byte of the text goes unnoticed, except in the form of the JSON. */
static void test_jwe_altered(void **state)
{
        static const char *const parts[] = {"encrypted_key", "iv", "ciphertext", "tag", "protected", "x"};
        _cleanup_buffer_ struct buffer json = {0};
        struct error err = {0};

        assert_success(jwe_encrypt(as_list(public) + 1, 1, SLICE_TEXT(plain), &json, &err), &err);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                struct secret_memory out = {0};
                char name[32], *at;

                snprintf(name, sizeof(name), "\"%s\":\"", parts[i]);
                at = strstr((char *)json.data, name) + strlen(name) + 4;
                *at = *at == 'A' ? 'B' : 'A';
                assert_true(jwe_decrypt(buffer_slice(&json), as_list(private), ARRAY_SIZE(names), &out,
                                        &err) < 0);
                assert_true(err.kind == &ERROR_KEY_WRONG || err.kind == &ERROR_KEY_WRAPPED);
                assert_null(out.data);
                json.size = 0;
                assert_success(jwe_encrypt(as_list(public) + 1, 1, SLICE_TEXT(plain), &json, &err), &err);
        }
}

static void test_jwe_malformed(void **state)
{
        static const char *const wrong[] = {
                "",
                "{}",
                "[]",
                "x",
                "{\"iv\":\"AAAAAAAAAAAAAAAA\",\"tag\":\"AAAA\"}",
                "{\"iv\":\"AAAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"unprotected\":{\"zip\":"
                "\"DEF\"}}",
                "{\"iv\":\"AAAAAAAAAAAAAAAA\",\"tag\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"protected\":\"e3\"}"};

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct secret_memory out = {0};
                struct error err = {0};

                assert_error(jwe_decrypt(SLICE_TEXT(wrong[i]), as_list(private), 4, &out, &err), &err,
                             ERROR_KEY_WRAPPED);
        }
}

static void read_file(const char *path, struct buffer *out)
{
        FILE *file = fopen(path, "r");
        char bytes[4096];
        size_t n = fread(bytes, 1, sizeof(bytes), file);

        assert_int_equal(buffer_append(out, bytes, n), 0);
        fclose(file);
}

static void write_file(const char *path, struct slice bytes)
{
        FILE *file = fopen(path, "w");

        assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
        fclose(file);
}

/* openssl opens ours, and we what openssl makes, with each cipher and with OAEP. */
static void test_pkcs7_with_openssl(void **state)
{
        static const char *const ways[] = {
                "smime -encrypt -binary -aes128 -outform DER -in plain -out message rsa.crt",
                "smime -encrypt -binary -aes256 -outform DER -in plain -out message other.crt rsa.crt",
                "cms -encrypt -binary -aes192 -outform DER -in plain -out message -recip rsa.crt -keyopt "
                "rsa_padding_mode:oaep "
                "-keyopt rsa_oaep_md:sha256",
                "cms -encrypt -binary -aes256 -outform DER -in plain -out message -recip rsa.crt -keyopt "
                "rsa_padding_mode:oaep",
        };
        _cleanup_key_ struct key *rsa = NULL, *other = NULL;
        _cleanup_buffer_ struct buffer message = {0}, again = {0};
        struct secret_memory out = {0};
        struct error err = {0};
        const struct key *both[2];

        write_file("plain", SLICE_TEXT(plain));
        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
                _cleanup_buffer_ struct buffer theirs = {0};
                char command[512];

                snprintf(command, sizeof(command), "openssl %s", ways[i]);
                shell(command);
                read_file("message", &theirs);
                assert_success(pkcs7_decrypt(buffer_slice(&theirs), as_list(private), 1, &out, &err), &err);
                assert_plain(&out);
        }
        assert_success(key_load_public("rsa.crt", &rsa, &err), &err);
        assert_success(key_load_public("other.crt", &other, &err), &err);
        both[0] = rsa;
        both[1] = other;
        assert_success(pkcs7_encrypt(both, 2, SLICE_TEXT(plain), &message, &err), &err);
        assert_success(pkcs7_decrypt(buffer_slice(&message), as_list(private), 1, &out, &err), &err);
        assert_plain(&out);
        write_file("message", buffer_slice(&message));
        shell("openssl smime -decrypt -inform DER -in message -inkey other.key -recip other.crt -out opened");
        read_file("opened", &again);
        assert_string_equal(buffer_text(&again), plain);
}

static void test_pkcs7_refusals(void **state)
{
        _cleanup_key_ struct key *rsa = NULL, *ec = NULL;
        _cleanup_buffer_ struct buffer message = {0}, refused = {0};
        struct secret_memory out = {0};
        struct error err = {0};

        assert_success(key_load_public("rsa.crt", &rsa, &err), &err);
        assert_success(key_load_public("p256.crt", &ec, &err), &err);
        assert_error(pkcs7_encrypt(as_list(&ec), 1, SLICE_TEXT(plain), &refused, &err), &err, ERROR_KEY_FILE);
        assert_error(pkcs7_encrypt(as_list(public), 1, SLICE_TEXT(plain), &refused, &err), &err,
                     ERROR_KEY_FILE);
        assert_success(pkcs7_encrypt(as_list(&rsa), 1, SLICE_TEXT(plain), &message, &err), &err);
        assert_error(pkcs7_decrypt(buffer_slice(&message), as_list(private) + 1, 1, &out, &err), &err,
                     ERROR_KEY_WRONG);
        for (size_t size = 0; size < message.size; size++)
                assert_true(pkcs7_decrypt((struct slice){message.data, size}, as_list(private), 1, &out,
                                          &err) < 0);
        assert_null(out.data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jwe_for_several),    cmocka_unit_test(test_jwe_for_others),
                cmocka_unit_test(test_jwe_altered),        cmocka_unit_test(test_jwe_malformed),
                cmocka_unit_test(test_pkcs7_with_openssl), cmocka_unit_test(test_pkcs7_refusals),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
