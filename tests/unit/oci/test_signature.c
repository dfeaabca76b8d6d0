/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "base/base64.h"
#include "base/json.h"
#include "oci/layout_index.h"
#include "oci/signature.h"

static struct key *signer, *public, *other;
static const struct sha256 image = {{0xab, 0xcd}}, another = {{0xab, 0xce}};

#define IDENTITY   "registry.example:5000/team/web:monday"
#define REPOSITORY "registry.example:5000/team/web"

static int setup(void **state)
{
        int ret = scratch_setup(state);
        struct error err = {0};

        if (ret < 0)
                return ret;
        make_key("team", KEY_EC_HOW "P-256");
        make_key("other", KEY_RSA_HOW);
        assert_success(key_load_private("team.key", &signer, &err), &err);
        assert_success(key_load_public("team.pub", &public, &err), &err);
        assert_success(key_load_public("other.pub", &other, &err), &err);
        return 0;
}

static int teardown(void **state)
{
        key_free(signer);
        key_free(public);
        key_free(other);
        return scratch_teardown(state);
}

static void sign(struct slice payload, struct buffer *text)
{
        _cleanup_buffer_ struct buffer bytes = {0};
        struct error err = {0};

        assert_success(key_sign(signer, payload, &bytes, &err), &err);
        assert_int_equal(base64_encode(BASE64, buffer_slice(&bytes), text), 0);
}

static int verify(struct slice payload, const char *text, const struct sha256 *expected,
                  const char *repository, struct error *err)
{
        const struct key *const keys[] = {other, public};

        return signature_verify(payload, text, keys, 2, expected, repository, err);
}

static void test_payload(void **state)
{
        _cleanup_buffer_ struct buffer payload = {0}, text = {0};
        struct error err = {0};

        assert_success(signature_payload(&image, IDENTITY, &payload, &err), &err);
        assert_non_null(strstr(buffer_text(&payload),
                               "{\"critical\":{\"identity\":{\"docker-reference\":\"" IDENTITY
                               "\"},\"image\":{\"docker-manifest-digest\":\"sha256:abcd0"));
        sign(buffer_slice(&payload), &text);
        assert_success(verify(buffer_slice(&payload), buffer_text(&text), &image, NULL, &err), &err);
        assert_success(verify(buffer_slice(&payload), buffer_text(&text), &image, REPOSITORY, &err), &err);
}

static void test_of_another_image(void **state)
{
        static const char *const repositories[] = {
                "registry.example:5000/team", "registry.example:5000/team/web2", "registry.example/team/web",
                "registry.example:5000/team/we", ""};
        _cleanup_buffer_ struct buffer payload = {0}, text = {0};
        struct error err = {0};

        assert_success(signature_payload(&image, IDENTITY, &payload, &err), &err);
        sign(buffer_slice(&payload), &text);
        assert_error(verify(buffer_slice(&payload), buffer_text(&text), &another, NULL, &err), &err,
                     ERROR_SIGNATURE_OTHER);
        for (size_t i = 0; i < ARRAY_SIZE(repositories); i++)
                assert_error(
                        verify(buffer_slice(&payload), buffer_text(&text), &image, repositories[i], &err),
                        &err, ERROR_SIGNATURE_OTHER);
}

static void test_altered(void **state)
{
        _cleanup_buffer_ struct buffer payload = {0}, text = {0};
        const struct key *const wrong[] = {other};
        struct error err = {0};

        assert_success(signature_payload(&image, IDENTITY, &payload, &err), &err);
        sign(buffer_slice(&payload), &text);
        for (size_t i = 0; i < payload.size; i++) {
                payload.data[i] ^= 1;
                assert_error(verify(buffer_slice(&payload), buffer_text(&text), &image, NULL, &err), &err,
                             ERROR_SIGNATURE_INVALID);
                payload.data[i] ^= 1;
        }
        assert_error(
                signature_verify(buffer_slice(&payload), buffer_text(&text), wrong, 1, &image, NULL, &err),
                &err, ERROR_SIGNATURE_INVALID);
        assert_error(
                signature_verify(buffer_slice(&payload), buffer_text(&text), wrong, 0, &image, NULL, &err),
                &err, ERROR_SIGNATURE_INVALID);
        assert_error(verify(buffer_slice(&payload), "", &image, NULL, &err), &err, ERROR_SIGNATURE_INVALID);
        assert_error(verify(buffer_slice(&payload), "%%", &image, NULL, &err), &err, ERROR_SIGNATURE_INVALID);
}

/* Good signatures of texts that are no payload of an image. */
static void test_signed_otherwise(void **state)
{
        static const char *const payloads[] = {
                "",
                "{}",
                "[1]",
                "{\"critical\":{\"identity\":{\"docker-reference\":\"x\"},\"image\":{\"docker-manifest-"
                "digest\":"
                "\"sha256:abcd000000000000000000000000000000000000000000000000000000000000\"},\"type\":"
                "\"atomic container "
                "signature\"},\"optional\":null}",
                "{\"critical\":{\"image\":{\"docker-manifest-digest\":"
                "\"sha256:abcd000000000000000000000000000000000000000000000000000000000000\"},\"type\":"
                "\"cosign container "
                "image signature\"},\"optional\":null}",
                "{\"critical\":{\"x\":1,\"identity\":{\"docker-reference\":\"x\"},\"image\":{\"docker-"
                "manifest-digest\":"
                "\"sha256:abcd000000000000000000000000000000000000000000000000000000000000\"},\"type\":"
                "\"cosign container "
                "image signature\"},\"optional\":null}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                _cleanup_buffer_ struct buffer text = {0};
                struct error err = {0};

                sign(SLICE_TEXT(payloads[i]), &text);
                assert_error(verify(SLICE_TEXT(payloads[i]), buffer_text(&text), &image, NULL, &err), &err,
                             ERROR_SIGNATURE_INVALID);
        }
}

static void test_manifest(void **state)
{
        struct signatures signatures = {.count = 2}, back = {0};
        _cleanup_buffer_ struct buffer config = {0}, manifest = {0};
        const struct descriptor subject = {image, 17}, config_blob = {another, 18};
        struct error err = {0};

        signatures.items[0] = (struct signature){{{{1}}, 200}, strdup("AAAA")};
        signatures.items[1] = (struct signature){{{{2}}, 201}, strdup("BBBB")};
        assert_success(signatures_config(&signatures, &config, &err), &err);
        assert_success(
                signatures_manifest(&signatures, &config_blob, &subject, MEDIA_MANIFEST, &manifest, &err),
                &err);
        assert_success(signatures_parse(buffer_slice(&manifest), &back, &err), &err);
        assert_int_equal(back.count, 2);
        assert_string_equal(back.items[1].text, "BBBB");
        assert_int_equal(back.items[1].payload.size, 201);
        assert_non_null(strstr(buffer_text(&manifest), "\"subject\":{\"mediaType\":\"" MEDIA_MANIFEST));
        signatures_free(&signatures);
        signatures_free(&back);
        assert_success(signatures_parse(SLICE_TEXT("{\"layers\":[{\"mediaType\":\"x\"},{}]}"), &back, &err),
                       &err);
        assert_int_equal(back.count, 0);
}

static void test_tag(void **state)
{
        char tag[SIGNATURE_TAG_SIZE];

        assert_string_equal(signature_tag(&image, tag),
                            "sha256-abcd000000000000000000000000000000000000000000000000000000000000.sig");
        assert_true(signature_tag_is_one(tag));
        assert_false(signature_tag_is_one("sha256-abcd.sig"));
        assert_false(signature_tag_is_one("latest"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_payload),  cmocka_unit_test(test_of_another_image),
                cmocka_unit_test(test_altered),  cmocka_unit_test(test_signed_otherwise),
                cmocka_unit_test(test_manifest), cmocka_unit_test(test_tag),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
