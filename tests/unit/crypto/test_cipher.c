/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of the standards. */
#include "testing.h"

#include "base/base64.h"
#include "base/secret_memory.h"
#include "crypto/cipher.h"

/* The bytes of hexadecimal text; at most 128. */
static struct slice hex(const char *text)
{
        static uint8_t room[8][128];
        static int turn;
        uint8_t *out = room[turn++ % 8];
        size_t size = strlen(text) / 2;

        assert_true(size <= sizeof(room[0]));
        for (size_t i = 0; i < size; i++) {
                unsigned value;

                assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
                out[i] = (uint8_t)value;
        }
        return (struct slice){out, size};
}

#define assert_hex(bytes, text)                                                                              \
        do {                                                                                                 \
                struct slice expected_bytes = hex(text);                                                     \
                assert_memory_equal(bytes, expected_bytes.data, expected_bytes.size);                        \
        } while (0)

/* NIST GCM test case 16 (AES-256, 12-byte nonce, additional data). */
static void test_gcm(void **state)
{
        struct slice plain = hex(
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
                "a6b525b16aedf5aa0de657ba637b39");
        struct slice also = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                     nonce = hex("cafebabefacedbaddecaf888");
        uint8_t out[64], again[64], tag[GCM_TAG_SIZE];
        _cleanup_gcm_ struct gcm *gcm = NULL;
        struct error err = {0};

        assert_success(
                gcm_new(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), &gcm, &err),
                &err);
        for (int i = 0; i < 2; i++) { /* the context is used again */
                assert_int_equal(gcm_seal(gcm, nonce.data, also, plain, out, tag), 0);
                assert_hex(out, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590d"
                                "bb3da7b08b105682"
                                "8838c5f61e6393ba7a0abcc9f662");
                assert_hex(tag, "76fc6ece0f4e1768cddf8853bb2d551b");
                assert_int_equal(gcm_open(gcm, nonce.data, also, (struct slice){out, plain.size}, tag, again),
                                 0);
                assert_memory_equal(again, plain.data, plain.size);
        }
        for (size_t i = 0; i < plain.size; i++) {
                out[i] ^= 1;
                assert_int_equal(gcm_open(gcm, nonce.data, also, (struct slice){out, plain.size}, tag, again),
                                 -EBADMSG);
                assert_int_equal(again[0], 0);
                out[i] ^= 1;
        }
        tag[15] ^= 1;
        assert_int_equal(gcm_open(gcm, nonce.data, also, (struct slice){out, plain.size}, tag, again),
                         -EBADMSG);
        tag[15] ^= 1;
        also.size--;
        assert_int_equal(gcm_open(gcm, nonce.data, also, (struct slice){out, plain.size}, tag, again),
                         -EBADMSG);
}

/* NIST SP 800-38A F.5.5, and any offset gives the same bytes. */
static void test_ctr(void **state)
{
        static const char plain[] =
                "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a"
                "52eff69f2445df4f9b17ad2b417be66c3710";
        struct slice key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        struct slice nonce = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), in = hex(plain);
        _cleanup_ctr_ struct ctr *ctr = NULL;
        uint8_t whole[64], part[64];
        struct error err = {0};

        memcpy(whole, in.data, sizeof(whole));
        assert_success(ctr_new(key.data, nonce.data, &ctr, &err), &err);
        assert_int_equal(ctr_apply(ctr, 0, whole, sizeof(whole)), 0);
        assert_hex(whole, "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce8"
                          "7017ba2d84988d"
                          "dfc9c58db67aada613c2dd08457941a6");
        for (size_t from = 0; from < sizeof(whole); from++) {
                in = hex(plain);
                memcpy(part, in.data, sizeof(part));
                assert_int_equal(ctr_apply(ctr, from, part + from, sizeof(part) - from), 0);
                assert_memory_equal(part + from, whole + from, sizeof(part) - from);
        }
}

/* The counter runs over. */
static void test_ctr_carries(void **state)
{
        uint8_t key[AES256_KEY_SIZE] = {1}, nonce[CTR_NONCE_SIZE], whole[96] = {0}, part[96] = {0};
        _cleanup_ctr_ struct ctr *ctr = NULL;
        struct error err = {0};

        memset(nonce, 0xff, sizeof(nonce));
        assert_success(ctr_new(key, nonce, &ctr, &err), &err);
        assert_int_equal(ctr_apply(ctr, 0, whole, sizeof(whole)), 0);
        assert_int_equal(ctr_apply(ctr, 40, part + 40, sizeof(part) - 40), 0);
        assert_memory_equal(whole + 40, part + 40, sizeof(part) - 40);
}

/* RFC 4231 test case 2; RFC 5869 test case 3; RFC 7914 section 12; RFC 3394 section 4.6. */
static void test_mac_and_derived_keys(void **state)
{
        const struct scrypt_cost cost = {1024, 8, 16};
        _cleanup_hmac_ struct hmac *hmac = NULL;
        uint8_t out[48], back[32];
        struct slice kek, key;
        struct error err = {0};

        assert_success(hmac_new(SLICE_TEXT("Jefe"), &hmac, &err), &err);
        assert_int_equal(hmac_update(hmac, "what do ya want ", 16), 0);
        assert_int_equal(hmac_update(hmac, "for nothing?", 12), 0);
        assert_int_equal(hmac_finish(hmac, out), 0);
        assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_success(hkdf_sha256(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), "", out, &err), &err);
        assert_hex(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
        assert_success(scrypt_derive(SLICE_TEXT("password"), SLICE_TEXT("NaCl"), &cost, out, &err), &err);
        assert_hex(out, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
        kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        key = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
        assert_success(key_wrap(kek, key, out, &err), &err);
        assert_hex(out, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
        assert_int_equal(key_unwrap(kek, (struct slice){out, 40}, back), 0);
        assert_memory_equal(back, key.data, sizeof(back));
        for (size_t i = 0; i < 40; i++) {
                out[i] ^= 0x80;
                assert_int_equal(key_unwrap(kek, (struct slice){out, 40}, back), -EBADMSG);
                out[i] ^= 0x80;
        }
        assert_int_equal(key_unwrap(kek, (struct slice){out, 32}, back), -EBADMSG);
        assert_int_equal(key_unwrap(kek, (struct slice){out, 7}, back), -EBADMSG);
}

/* RFC 4648 section 10. */
static void test_base64(void **state)
{
        static const char *const pairs[][3] = {{"", "", ""},
                                               {"f", "Zg==", "Zg"},
                                               {"fo", "Zm8=", "Zm8"},
                                               {"foo", "Zm9v", "Zm9v"},
                                               {"foob", "Zm9vYg==", "Zm9vYg"},
                                               {"\xfb\xff", "+/8=", "-_8"}};
        static const char *const wrong[] = {
                "Z", "Zg=", "Zg", "Zh==", "Zg==Zg==", "Z===", "====", "Zm9v ", "-_8=", "Zm9v\n"};

        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                _cleanup_buffer_ struct buffer text = {0}, url = {0}, back = {0};

                assert_int_equal(base64_encode(BASE64, SLICE_TEXT(pairs[i][0]), &text), 0);
                assert_string_equal(buffer_text(&text), pairs[i][1]);
                assert_int_equal(base64_encode(BASE64_URL, SLICE_TEXT(pairs[i][0]), &url), 0);
                assert_string_equal(buffer_text(&url), pairs[i][2]);
                assert_int_equal(base64_decode(BASE64, buffer_slice(&text), &back), 0);
                assert_string_equal(buffer_text(&back), pairs[i][0]);
                back.size = 0;
                assert_int_equal(base64_decode(BASE64_URL, buffer_slice(&url), &back), 0);
                assert_string_equal(buffer_text(&back), pairs[i][0]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                _cleanup_buffer_ struct buffer out = {0};

                assert_int_equal(base64_decode(BASE64, SLICE_TEXT(wrong[i]), &out), -EBADMSG);
                assert_int_equal(out.size, 0);
        }
}

static void test_secret_memory(void **state)
{
        struct secret_memory secret = {0};
        struct error err = {0};

        assert_success(secret_memory_new(5000, &secret, &err), &err);
        assert_int_equal(secret.size, 5000);
        memset(secret.data, 7, secret.size);
        secret_memory_free(&secret);
        assert_null(secret.data);
        secret_memory_free(&secret);
        assert_true(secret_equal("abc", "abc", 3));
        assert_false(secret_equal("abc", "abd", 3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gcm),         cmocka_unit_test(test_ctr),
                cmocka_unit_test(test_ctr_carries), cmocka_unit_test(test_mac_and_derived_keys),
                cmocka_unit_test(test_base64),      cmocka_unit_test(test_secret_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
