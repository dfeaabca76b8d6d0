/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "archive/pod_manifest.h"

#define DIGEST "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* of "hello" */
#define PART(file)                                                                                           \
        "{\"container\":\"web\",\"file\":\"" file "\",\"size\":5,\"digest\":\"" DIGEST                       \
        "\",\"freezeUs\":7,\"frozenUs\":9}"
#define MANIFEST(version, parts)                                                                             \
        "{\"version\":" version ",\"id\":\"i\",\"engine\":\"podman\",\"pod\":{\"namespace\":\"n\","          \
        "\"name\":\"p\",\"uid\":\"u\"},\"freezeSpreadUs\":3,\"parts\":[" parts "],\"spec\":[1]}"

static void reads_and_writes(void **state)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = NULL, *again = NULL;
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_free_ char *path = NULL;
        struct error err = {0};

        assert_success(pod_manifest_parse(SLICE_TEXT(MANIFEST("1", PART("web.tar"))), "d", &manifest, &err),
                       &err);
        assert_string_equal(manifest->name, "p");
        assert_int_equal(manifest->spread_us, 3);
        assert_int_equal(manifest->count, 1);
        assert_success(pod_part_path(manifest, &manifest->parts[0], &path, &err), &err);
        assert_string_equal(path, "d/web.tar");
        assert_success(pod_manifest_write(manifest, doc, NULL, NULL, &text, &err), &err);
        assert_success(pod_manifest_parse(buffer_slice(&text), "e", &again, &err), &err);
        assert_string_equal(again->parts[0].container, "web");
        assert_int_equal(again->parts[0].size, 5);
        assert_int_equal(again->parts[0].freeze_us, 7);
        assert_true(sha256_equal(&again->parts[0].digest, &manifest->parts[0].digest));
}

static void refuses_what_is_wrong(void **state)
{
        static const char *const wrong[] = {
                MANIFEST("2", PART("web.tar")),
                MANIFEST("1", ""),
                MANIFEST("1", PART("../web.tar")),
                MANIFEST("1", PART("/web.tar")),
                MANIFEST("1", PART(".web.tar")),
                MANIFEST("1", PART("")),
                MANIFEST("1", PART("web.tar") "," PART("web.tar")),
                MANIFEST("1", "{\"file\":\"web.tar\",\"digest\":\"sha256:0\"}"),
                "{\"version\":1}",
                "[]",
        };

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                struct pod_manifest *manifest = NULL;
                struct error err = {0};

                assert_int_equal(pod_manifest_parse(SLICE_TEXT(wrong[i]), "d", &manifest, &err), -EBADMSG);
                assert_ptr_equal(err.kind, &ERROR_POD_MANIFEST);
                assert_null(manifest);
        }
}

static void finds_the_file_in_its_directory(void **state)
{
        _cleanup_pod_manifest_ struct pod_manifest *one = NULL, *two = NULL;
        struct error err = {0};
        FILE *file;

        assert_int_equal(mkdir("pod", 0700), 0);
        assert_false(pod_manifest_is_one("pod"));
        file = fopen("pod/pod.json", "w");
        fputs(MANIFEST("1", PART("web.tar")), file);
        fclose(file);
        assert_true(pod_manifest_is_one("pod"));
        assert_true(pod_manifest_is_one("pod/pod.json"));
        assert_false(pod_manifest_is_one("web.tar"));
        assert_success(pod_manifest_load("pod", &one, &err), &err);
        assert_success(pod_manifest_load("pod/pod.json", &two, &err), &err);
        assert_string_equal(two->parts[0].file, "web.tar");
        assert_int_equal(unlink("pod/pod.json"), 0);
        assert_int_equal(rmdir("pod"), 0);
}

static void write_text(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

/* "hello" is no archive, but may well be the file that is named. */
static bool is_named(const struct pod_manifest *manifest, int fd)
{
        _cleanup_verify_report_ struct verify_report report = {0};
        struct error err = {0};
        bool named = true;

        assert_success(pod_part_verify(manifest, &manifest->parts[0], fd, NULL, &report, &err), &err);
        for (size_t i = 0; i < report.fault_count; i++)
                named = named && report.faults[i].kind != &ERROR_ARCHIVE_DIGEST;
        return named;
}

static void a_part_stays_what_was_opened(void **state)
{
        _cleanup_pod_manifest_ struct pod_manifest *manifest = NULL;
        struct error err = {0};
        int before, after;

        assert_success(pod_manifest_parse(SLICE_TEXT(MANIFEST("1", PART("web.tar"))), ".", &manifest, &err),
                       &err);
        assert_int_equal(pod_part_open(manifest, &manifest->parts[0], &err), -ENOENT);
        write_text("web.tar", "hello");
        before = pod_part_open(manifest, &manifest->parts[0], &err);
        assert_true(before >= 0);
        assert_true(is_named(manifest, before));
        write_text("other", "jello");
        assert_int_equal(rename("other", "web.tar"), 0);
        after = pod_part_open(manifest, &manifest->parts[0], &err);
        assert_true(after >= 0);
        assert_false(is_named(manifest, after));
        assert_true(is_named(manifest, before));
        close(before);
        close(after);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes),
                cmocka_unit_test(refuses_what_is_wrong),
                cmocka_unit_test_setup_teardown(finds_the_file_in_its_directory, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(a_part_stays_what_was_opened, scratch_setup,
                                                scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
