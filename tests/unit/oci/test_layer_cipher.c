/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a layer in its annotations. What skopeo makes of them, and we of its, is tested with skopeo. */
#include "keys.h"

#include "base/base64.h"
#include "base/json.h"
#include "oci/errors.h"
#include "oci/layer_cipher.h"

static struct key *rsa, *ec, *other;

static int setup(void **state)
{
        int ret = scratch_setup(state);
        struct error err = {0};

        if (ret < 0)
                return ret;
        make_key("rsa", KEY_RSA_HOW);
        make_key("ec", KEY_EC_HOW "P-384");
        make_key("other", KEY_EC_HOW "P-256");
        make_certificate("rsa");
        assert_success(key_load_private("rsa.key", &rsa, &err), &err);
        assert_success(key_load_private("ec.key", &ec, &err), &err);
        assert_success(key_load_private("other.key", &other, &err), &err);
        return 0;
}

static int teardown(void **state)
{
        key_free(rsa);
        key_free(ec);
        key_free(other);
        return scratch_teardown(state);
}

static int open_with(const char *annotations, const struct key *key, struct ctr_hmac_key *out,
                     struct error *err)
{
        return layer_key_open(annotations, &key, 1, out, err);
}

static void annotate(const char *const *texts, size_t count, struct ctr_hmac_key *key, struct buffer *out)
{
        _cleanup_layer_recipients_ struct layer_recipients *recipients = NULL;
        struct sha256 plain = {{1}};
        struct error err = {0};

        assert_success(layer_recipients_load(texts, count, &recipients, &err), &err);
        assert_success(layer_key_new(key, &err), &err);
        memset(key->mac, 7, sizeof(key->mac));
        assert_success(layer_key_annotate(key, &plain, recipients, out, &err), &err);
}

static void test_round_trip(void **state)
{
        static const char *const texts[] = {"jwe:ec.pub", "pkcs7:rsa.crt"};
        _cleanup_buffer_ struct buffer annotations = {0};
        const struct key *const openers[] = {rsa, ec};
        struct ctr_hmac_key key, back;
        struct error err = {0};

        annotate(texts, 2, &key, &annotations);
        for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
                memset(&back, 0, sizeof(back));
                assert_success(open_with(buffer_text(&annotations), openers[i], &back, &err), &err);
                assert_memory_equal(&back, &key, sizeof(key));
        }
        assert_error(open_with(buffer_text(&annotations), other, &back, &err), &err, ERROR_KEY_WRONG);
        /* Nothing of the key stands in the clear. */
        assert_null(memmem(annotations.data, annotations.size, key.key, sizeof(key.key)));
}

static void test_recipients(void **state)
{
        static const char *const wrong[] = {"ec.pub", "pgp:somebody", "jwe:absent", "pkcs7:ec.key", "jwe:"};
        struct layer_recipients *recipients = NULL;
        static const char *const no_certificate[] = {"pkcs7:rsa.pub"};
        struct error err = {0};

        assert_success(layer_recipients_load(NULL, 0, &recipients, &err), &err);
        assert_null(recipients);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_true(layer_recipients_load(&wrong[i], 1, &recipients, &err) < 0);
        assert_success(layer_recipients_load(no_certificate, 1, &recipients, &err), &err);
        {
                _cleanup_buffer_ struct buffer jwe = {0}, pkcs7 = {0};

                assert_error(layer_recipients_wrap(recipients, SLICE_TEXT("x"), &jwe, &pkcs7, &err), &err,
                             ERROR_KEY_FILE);
        }
        layer_recipients_free(recipients);
}

/* The annotations with another text for one of them. */
static void replace(const struct buffer *annotations, const char *key, const char *value, struct buffer *out)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *changed = NULL;
        struct error err = {0};

        assert_success(json_parse(buffer_slice(annotations), "annotations", &doc, &err), &err);
        changed = yyjson_doc_mut_copy(doc, NULL);
        yyjson_mut_obj_remove_str(yyjson_mut_doc_get_root(changed), key);
        if (value)
                yyjson_mut_obj_add_strcpy(changed, yyjson_mut_doc_get_root(changed), key, value);
        assert_success(json_write(changed, false, out, &err), &err);
}

static void test_malformed(void **state)
{
        static const char *const texts[] = {"jwe:ec.pub"};
        static const struct {
                const char *key, *plain; /* plain NULL: absent; else it is encoded */
        } changes[] = {
                {"org.opencontainers.image.enc.pubopts", NULL},
                {"org.opencontainers.image.enc.pubopts", "{}"},
                {"org.opencontainers.image.enc.pubopts", "{\"cipher\":\"AES_256_CTR_HMAC_SHA256\"}"},
                {"org.opencontainers.image.enc.pubopts", "{\"cipher\":\"NULL\",\"hmac\":\"AAAA\"}"},
                {"org.opencontainers.image.enc.pubopts",
                 "{\"cipher\":\"AES_256_CTR_HMAC_SHA256\",\"hmac\":\"AAAA\"}"},
                {"org.opencontainers.image.enc.keys.jwe", NULL},
                {"org.opencontainers.image.enc.keys.jwe", "no JWE"},
        };
        _cleanup_buffer_ struct buffer annotations = {0};
        struct ctr_hmac_key key, back;
        struct error err = {0};

        annotate(texts, 1, &key, &annotations);
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                _cleanup_buffer_ struct buffer value = {0}, changed = {0};

                if (changes[i].plain)
                        assert_int_equal(base64_encode(BASE64, SLICE_TEXT(changes[i].plain), &value), 0);
                replace(&annotations, changes[i].key, changes[i].plain ? buffer_text(&value) : NULL,
                        &changed);
                assert_true(open_with(buffer_text(&changed), ec, &back, &err) < 0);
                assert_true(err.kind == &ERROR_LAYER_ENCRYPTION || err.kind == &ERROR_KEY_WRAPPED);
        }
        assert_error(open_with("", ec, &back, &err), &err, ERROR_LAYER_ENCRYPTION);
        assert_error(open_with("[]", ec, &back, &err), &err, ERROR_LAYER_ENCRYPTION);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_recipients),
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
