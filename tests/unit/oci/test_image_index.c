/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"
#include "archive/archive.h"
#include "base/json.h"
#include "oci/image_index.h"
#include "oci/layout_index.h"
#include "tarball.h"

static struct descriptor digest_of(const char *text)
{
        struct descriptor out = {.size = strlen(text)};

        sha256_of(SLICE_TEXT(text), &out.digest, NULL);
        return out;
}

static struct metadata *metadata_of(const char *name)
{
        _cleanup_archive_ struct archive *archive = NULL;
        struct metadata *metadata = NULL;
        struct error err = {0};

        assert_success(archive_open(name, &archive, &err), &err);
        assert_success(metadata_load(archive, &metadata, &err), &err);
        return metadata;
}

static void test_images_are_added_and_chosen(void **state)
{
        _cleanup_metadata_ struct metadata *metadata = metadata_of(GOLDEN("own/runc-counter-gzip.tar"));
        _cleanup_buffer_ struct buffer one = {0}, two = {0}, old = {0};
        struct descriptor a = digest_of("a"), b = digest_of("b"), chosen;
        _cleanup_free_ struct image_index_entry *entries = NULL;
        struct error err = {0};
        size_t count;

        assert_success(image_index_add((struct slice){NULL, 0}, metadata, &a, &one, &err), &err);
        assert_success(image_index_choose(buffer_slice(&one), manifest_architecture(), &chosen, &err), &err);
        assert_true(sha256_equal(&chosen.digest, &a.digest));
        assert_non_null(strstr(buffer_text(&one), "\"org.criu.checkpoint.container.name\""));
        /* Another architecture's stays, the same one's is replaced. */
        buffer_printf(&old,
                      "{\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST
                      "\",\"digest\":\"sha256:%064d\",\"size\":1,"
                      "\"platform\":{\"architecture\":\"s390x\"}},%.*s",
                      1, (int)(one.size - (size_t)(strstr(buffer_text(&one), "[") + 1 - buffer_text(&one))),
                      strstr(buffer_text(&one), "[") + 1);
        assert_success(image_index_add(buffer_slice(&old), metadata, &b, &two, &err), &err);
        assert_success(image_index_parse(buffer_slice(&two), &entries, &count, &err), &err);
        assert_int_equal(count, 2);
        assert_string_equal(entries[0].architecture, "s390x");
        assert_success(image_index_choose(buffer_slice(&two), manifest_architecture(), &chosen, &err), &err);
        assert_true(sha256_equal(&chosen.digest, &b.digest));
}

static void test_what_is_missing_is_named(void **state)
{
        static const char index[] =
                "{\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST "\",\"size\":1,\"digest\":\""
                "sha256:0000000000000000000000000000000000000000000000000000000000000000\","
                "\"platform\":{\"architecture\":\"pdp11\"}}]}";
        struct descriptor chosen;
        struct error err = {0};

        assert_error(image_index_choose(SLICE_TEXT(index), manifest_architecture(), &chosen, &err), &err,
                     ERROR_IMAGE_NOT_FOUND);
        assert_non_null(strstr(err.text, "pdp11"));
        assert_error(image_index_choose(SLICE_TEXT("{}"), manifest_architecture(), &chosen, &err), &err,
                     ERROR_IMAGE_NOT_FOUND);
        assert_error(image_index_choose(SLICE_TEXT("{"), manifest_architecture(), &chosen, &err), &err,
                     ERROR_BAD_JSON);
        assert_error(image_index_choose(SLICE_TEXT("{\"manifests\":[{}]}"), manifest_architecture(), &chosen,
                                        &err),
                     &err, ERROR_IMAGE_LAYOUT);
}

static void test_too_many_images_are_refused(void **state)
{
        _cleanup_buffer_ struct buffer text = {0};
        struct image_index_entry *entries;
        struct error err = {0};
        size_t count;

        buffer_append_text(&text, "{\"manifests\":[1");
        for (int i = 0; i < IMAGE_INDEX_MAX; i++)
                buffer_append_text(&text, ",1");
        buffer_append_text(&text, "]}");
        assert_error(image_index_parse(buffer_slice(&text), &entries, &count, &err), &err,
                     ERROR_IMAGE_LAYOUT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_images_are_added_and_chosen),
                cmocka_unit_test(test_what_is_missing_is_named),
                cmocka_unit_test(test_too_many_images_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
