/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/stat.h>
#include "base/json.h"
#include "oci/layout_index.h"
#include "tarball.h"

static struct descriptor digest_of(const char *text)
{
        struct descriptor blob = {.size = strlen(text)};

        assert_int_equal(sha256_of(SLICE_TEXT(text), &blob.digest, NULL), 0);
        return blob;
}

static void test_index_keeps_other_images(void **state)
{
        _cleanup_buffer_ struct buffer one = {0}, two = {0}, three = {0};
        struct descriptor a = digest_of("a"), b = digest_of("bb"), c = digest_of("ccc"), found;
        bool is_index;
        struct error err = {0};

        assert_success(layout_index_add((struct slice){NULL, 0}, "x", MEDIA_MANIFEST, &a, &one, &err), &err);
        assert_success(layout_index_add(buffer_slice(&one), "y", MEDIA_MANIFEST, &b, &two, &err), &err);
        assert_success(layout_index_add(buffer_slice(&two), "x", MEDIA_MANIFEST, &c, &three, &err), &err);
        assert_success(layout_index_find(buffer_slice(&three), "p", "x", &found, &is_index, &err), &err);
        assert_true(sha256_equal(&found.digest, &c.digest));
        assert_int_equal(found.size, 3);
        assert_success(layout_index_find(buffer_slice(&three), "p", "y", &found, &is_index, &err), &err);
        assert_true(sha256_equal(&found.digest, &b.digest));
        assert_error(layout_index_find(buffer_slice(&three), "p", "z", &found, &is_index, &err), &err,
                     ERROR_IMAGE_NOT_FOUND);
}

static void test_index_keeps_what_it_does_not_know(void **state)
{
        static const char old[] =
                "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x/y\",\"digest\":\"sha512:00\","
                "\"size\":1,\"platform\":{\"os\":\"plan9\"}}]}";
        struct descriptor a = digest_of("a"), found;
        bool is_index;
        _cleanup_buffer_ struct buffer out = {0};
        struct error err = {0};

        assert_success(layout_index_add(SLICE_TEXT(old), "latest", MEDIA_MANIFEST, &a, &out, &err), &err);
        assert_non_null(strstr(buffer_text(&out), "plan9"));
        assert_success(layout_index_find(buffer_slice(&out), "p", "latest", &found, &is_index, &err), &err);
        assert_true(sha256_equal(&found.digest, &a.digest));
}

static int find(const char *index, struct error *err)
{
        struct descriptor found;
        bool is_index;

        return layout_index_find(SLICE_TEXT(index), "p", "latest", &found, &is_index, err);
}

static void test_malformed_indexes_are_refused(void **state)
{
        struct error err = {0};

        assert_error(find("{", &err), &err, ERROR_BAD_JSON);
        assert_error(find("[]", &err), &err, ERROR_IMAGE_NOT_FOUND);
        assert_error(find("{\"manifests\":[]}", &err), &err, ERROR_IMAGE_NOT_FOUND);
        assert_error(find("{\"manifests\":[{\"mediaType\":\"text/plain\"}]}", &err), &err,
                     ERROR_IMAGE_NOT_CHECKPOINT);
        assert_error(find("{\"manifests\":[{\"mediaType\":\"" MEDIA_INDEX "\"}]}", &err), &err,
                     ERROR_IMAGE_LAYOUT);
        assert_error(find("{\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST "\"}]}", &err), &err,
                     ERROR_IMAGE_LAYOUT);
        assert_error(find("{\"manifests\":[{\"mediaType\":\"" MEDIA_MANIFEST "\",\"size\":1,"
                          "\"digest\":\"sha256:../../etc/passwd\"}]}",
                          &err),
                     &err, ERROR_IMAGE_LAYOUT);
}

/* A layout whose blob directory is a link to elsewhere. */
static void test_links_in_layouts_are_not_followed(void **state)
{
        struct image_reference where = {
                .transport = IMAGE_OCI, .path = (char[]){"layout"}, .tag = (char[]){"latest"}};
        _cleanup_layout_reader_ struct layout_reader *reader = NULL;
        struct descriptor a = digest_of("a");
        _cleanup_buffer_ struct buffer out = {0};
        char path[128] = "elsewhere/", hex[SHA256_HEX_SIZE];
        struct error err = {0};

        assert_int_equal(mkdir("layout", 0700), 0);
        assert_int_equal(mkdir("layout/blobs", 0700), 0);
        assert_int_equal(mkdir("elsewhere", 0700), 0);
        assert_int_equal(symlink("../../elsewhere", "layout/blobs/sha256"), 0);
        strcat(path, sha256_hex(&a.digest, hex));
        write_bytes(path, SLICE_TEXT("a"));
        assert_success(layout_reader_open(&where, &reader, &err), &err);
        assert_true(layout_reader_blob(reader, &a, 100, &out, &err) < 0);
        assert_int_equal(out.size, 0);
}

static void test_written_blobs_are_read(void **state)
{
        struct image_reference where = {
                .transport = IMAGE_OCI_ARCHIVE, .path = (char[]){"image.tar"}, .tag = (char[]){"t"}};
        _cleanup_layout_writer_ struct layout_writer *writer = NULL;
        _cleanup_layout_reader_ struct layout_reader *reader = NULL;
        _cleanup_blob_writer_ struct blob_writer *large = NULL, *small = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct descriptor one, two, three, found, expected = digest_of("small one");
        bool is_index;
        struct error err = {0};

        /* A small blob and a large one grow at the same time. */
        assert_success(layout_writer_open(&where, &writer, &err), &err);
        assert_success(blob_writer_open(writer, false, &small, &err), &err);
        assert_success(blob_writer_open(writer, true, &large, &err), &err);
        assert_success(blob_writer_append(small, SLICE_TEXT("small"), &err), &err);
        assert_success(blob_writer_append(large, SLICE_TEXT("large"), &err), &err);
        assert_success(blob_writer_append(small, SLICE_TEXT(" one"), &err), &err);
        one = digest_of("large");
        assert_success(blob_writer_commit(large, &one.digest, &one, &err), &err);
        assert_success(blob_writer_commit(small, &expected.digest, &two, &err), &err);
        assert_success(layout_writer_add(writer, SLICE_TEXT("manifest"), &three, &err), &err);
        assert_success(layout_writer_commit(writer, "t", MEDIA_MANIFEST, &three, &err), &err);

        assert_success(layout_reader_open(&where, &reader, &err), &err);
        assert_success(layout_reader_find(reader, "t", &found, &is_index, &err), &err);
        assert_true(sha256_equal(&found.digest, &three.digest));
        assert_success(layout_reader_blob(reader, &two, 100, &text, &err), &err);
        assert_string_equal(buffer_text(&text), "small one");
        text.size = 0;
        assert_success(layout_reader_blob(reader, &one, 100, &text, &err), &err);
        assert_string_equal(buffer_text(&text), "large");
        assert_error(layout_reader_blob(reader, &one, 4, &text, &err), &err, ERROR_IMAGE_LAYOUT);
}

static void test_truncated_archives_are_refused(void **state)
{
        struct image_reference where = {
                .transport = IMAGE_OCI_ARCHIVE, .path = (char[]){"cut.tar"}, .tag = (char[]){"t"}};
        _cleanup_buffer_ struct buffer tar = {0};
        struct error err = {0};

        tarball_text(&tar, "oci-layout", LAYOUT_TEXT);
        tarball_text(&tar, "index.json", "{\"manifests\":[]}");
        for (size_t size = 0; size <= tar.size; size += 100) {
                _cleanup_layout_reader_ struct layout_reader *reader = NULL;

                write_bytes("cut.tar", (struct slice){tar.data, size});
                assert_error(layout_reader_open(&where, &reader, &err), &err, ERROR_IMAGE_LAYOUT);
        }
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_index_keeps_other_images),
                cmocka_unit_test(test_index_keeps_what_it_does_not_know),
                cmocka_unit_test(test_malformed_indexes_are_refused),
                scratch_test(test_links_in_layouts_are_not_followed),
                scratch_test(test_written_blobs_are_read),
                scratch_test(test_truncated_archives_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
