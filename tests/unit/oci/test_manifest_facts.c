/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "oci/manifest_facts.h"

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define INDEX    "application/vnd.oci.image.index.v1+json"
#define A        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B        "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CONFIG   "\"config\":{\"mediaType\":\"application/x\",\"digest\":\"" A "\",\"size\":2}"
#define LAYERS   "\"layers\":[{\"digest\":\"" B "\",\"size\":7}]"

static int parse(const char *text, const char *type, struct manifest_facts *out, struct error *err)
{
        struct sha256 digest;

        sha256_of(SLICE_TEXT(text), &digest, NULL);
        return manifest_facts_parse(SLICE_TEXT(text), type, &digest, out, err);
}

static void test_references(void **state)
{
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        struct error err = {0};
        char hex[SHA256_HEX_SIZE];

        assert_success(parse("{\"schemaVersion\":2," CONFIG "," LAYERS "}", MANIFEST, &facts, &err), &err);
        assert_int_equal(facts.count, 2);
        assert_string_equal(sha256_hex(&facts.references[0].target.digest, hex), A + 7);
        assert_string_equal(sha256_hex(&facts.references[1].target.digest, hex), B + 7);
        assert_int_equal(facts.references[1].target.size, 7);
        assert_false(facts.references[1].is_manifest || facts.references[1].may_lie_elsewhere);
        assert_false(facts.has_subject);
        manifest_facts_free(&facts);
        assert_success(parse("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" B
                             "\",\"size\":7,\"urls\":[\"x\"]}]}",
                             INDEX, &facts, &err),
                       &err);
        assert_int_equal(facts.count, 1);
        assert_true(facts.references[0].is_manifest);
        assert_false(facts.references[0].may_lie_elsewhere);
}

static void test_subject(void **state)
{
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        struct error err = {0};

        assert_success(parse("{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"annotations\":{\"a\":\"1\"},"
                             "\"subject\":{\"digest\":\"" B "\",\"size\":1}}",
                             MANIFEST, &facts, &err),
                       &err);
        assert_true(facts.has_subject);
        assert_non_null(strstr(buffer_text(&facts.referrer), "\"artifactType\":\"application/x\""));
        assert_non_null(strstr(buffer_text(&facts.referrer), "\"annotations\":{\"a\":\"1\"}"));
}

static void test_what_is_refused(void **state)
{
        static const char *const wrong[] = {
                "",
                "[]",
                "{}",
                "{\"schemaVersion\":2}",
                "{\"schemaVersion\":2," CONFIG "}",
                "{\"schemaVersion\":2," LAYERS "}",
                "{\"schemaVersion\":1," CONFIG "," LAYERS "}",
                "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}",
                "{\"schemaVersion\":2," CONFIG ",\"layers\":[7]}",
                "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B "\"}]}",
                "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B "\",\"size\":-1}]}",
                "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"../../x\",\"size\":1}]}",
                "{\"schemaVersion\":2," CONFIG "," LAYERS ",\"subject\":{}}",
                "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\"," CONFIG "," LAYERS "}",
        };
        struct manifest_facts facts;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (parse(wrong[i], MANIFEST, &facts, &err) != -EBADMSG)
                        fail_msg("`%s` is taken", wrong[i]);
        assert_error(parse("{}", "text/plain", &facts, &err), &err, ERROR_STORE_MANIFEST_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_subject),
                cmocka_unit_test(test_what_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
