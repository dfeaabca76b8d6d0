/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "base/json.h"
#include "oci/layout_index.h"
#include "oci/manifest.h"
#include "tarball.h"

static const struct image_layer layers[2] = {{.blob.size = 10, .compression = COMPRESSION_NONE},
                                             {.blob.size = 20, .compression = COMPRESSION_ZSTD}};

/* Manifest of a golden archive. */
static yyjson_doc *manifest_of(const char *path, struct buffer *text)
{
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_metadata_ struct metadata *metadata = NULL;
        struct descriptor config = {.size = 7};
        struct error err = {0};
        yyjson_doc *doc;

        assert_success(archive_open(path, &archive, &err), &err);
        assert_success(metadata_load(archive, &metadata, &err), &err);
        assert_success(manifest_write(metadata, &config, layers, 2, text, &err), &err);
        assert_success(json_parse(buffer_slice(text), "manifest", &doc, &err), &err);
        return doc;
}

static const char *annotation(yyjson_doc *doc, const char *key)
{
        return json_text_or(yyjson_obj_get(yyjson_doc_get_root(doc), "annotations"), key, "(none)");
}

/* Each of the three knows an image by its own key, whichever engine took the checkpoint. */
static void assert_known_to_all(yyjson_doc *doc, const char *name, const char *runtime)
{
        assert_string_equal(annotation(doc, "org.criu.checkpoint.container.name"), name);
        assert_string_equal(annotation(doc, "io.kubernetes.cri-o.annotations.checkpoint.name"), name);
        assert_string_equal(annotation(doc, "io.podman.annotations.checkpoint.name"), name);
        assert_string_equal(annotation(doc, "io.podman.annotations.checkpoint.runtime.name"), runtime);
}

static void test_annotations_of_crio(void **state)
{
        static const char digest[] =
                "sha256:c8f64d4b3dcee7c6e5e02ce56c45428447712a1e3e022b693a5d1a7ca6d6e30a";
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = manifest_of(GOLDEN("crio-1.36.3-counter.tar"), &text);

        assert_known_to_all(doc, "counter", "crun");
        assert_string_equal(annotation(doc, "org.criu.checkpoint.engine.name"), "CRI-O");
        assert_string_equal(annotation(doc, "org.criu.checkpoint.pod.name"), "counters");
        assert_string_equal(annotation(doc, "org.criu.checkpoint.pod.namespace"), "default");
        assert_string_equal(annotation(doc, "org.criu.checkpoint.rootfsImageUserRequested"),
                            "localhost:5000/bb:1");
        assert_string_equal(annotation(doc, "org.criu.checkpoint.rootfsImageID"),
                            "5452bd29b5c1cef329e695af380e0b87234817be153cb60a43c1e7b5d23c0bca");
        assert_string_equal(annotation(doc, "org.opencontainers.image.base.digest"), digest);
        assert_string_equal(annotation(doc, "org.opencontainers.image.base.name"), "localhost:5000/pause:1");
}

static void test_annotations_of_the_others(void **state)
{
        _cleanup_buffer_ struct buffer a = {0}, b = {0};
        _cleanup_json_ yyjson_doc *podman = manifest_of(GOLDEN("podman-5.8.6-two-none.tar"), &a);
        _cleanup_json_ yyjson_doc *containerd = manifest_of(GOLDEN("containerd-2.1.9-counter.tar"), &b);

        assert_known_to_all(podman, "two", "crun");
        assert_string_equal(annotation(podman, "io.podman.annotations.checkpoint.rootfsImageID"),
                            "2ee3d3df61b2dd23297d3af8ba5b7dbea6ac49612e881b590adc74a15e0c8b74");
        assert_known_to_all(containerd, "counter", "io.containerd.runc.v2");
        assert_string_equal(annotation(containerd, "org.criu.checkpoint.rootfsImageSha"),
                            "sha256:647367208cd3e1c0a76afcbd65d281602c4bdccc920aebe70f71521fee89c5ca");
}

/* CVE-2026-53492: annotations of the container must not reach those of the image. */
static void test_nothing_is_smuggled(void **state)
{
        _cleanup_buffer_ struct buffer tar = {0}, text = {0};
        _cleanup_json_ yyjson_doc *doc = NULL;

        tarball_text(&tar, "config.dump",
                     "{\"name\":\"n\",\"annotations\":{\"cdi.k8s.io/x\":\"vendor.com/gpu=all\"}}");
        tarball_text(&tar, "spec.dump",
                     "{\"annotations\":{\"io.container.manager\":\"cri-o\",\"cdi.k8s.io/gpu\":\"vendor.com/"
                     "gpu=all\","
                     "\"io.kubernetes.cri-o.Annotations\":\"{\\\"cdi.k8s.io/"
                     "y\\\":\\\"z\\\"}\",\"mine\":\"unknown\"}}");
        tarball_end(&tar);
        write_bytes("cdi.tar", buffer_slice(&tar));
        doc = manifest_of("cdi.tar", &text);
        assert_null(strstr(buffer_text(&text), "cdi.k8s.io"));
        assert_null(strstr(buffer_text(&text), "unknown"));
        assert_string_equal(annotation(doc, "org.criu.checkpoint.container.name"), "n");
}

static void test_round_trip(void **state)
{
        _cleanup_buffer_ struct buffer text = {0};
        _cleanup_json_ yyjson_doc *doc = manifest_of(GOLDEN("crio-1.36.3-counter.tar"), &text);
        struct image_layer parsed[MANIFEST_LAYERS];
        struct error err = {0};
        size_t count;

        assert_non_null(doc);
        assert_success(manifest_parse(buffer_slice(&text), parsed, &count, &err), &err);
        assert_int_equal(count, 2);
        assert_int_equal(parsed[0].compression, COMPRESSION_NONE);
        assert_int_equal(parsed[1].compression, COMPRESSION_ZSTD);
        assert_int_equal(parsed[1].blob.size, 20);
}

static int parse(const char *text, struct error *err)
{
        struct image_layer parsed[MANIFEST_LAYERS];
        size_t count;

        return manifest_parse(SLICE_TEXT(text), parsed, &count, err);
}

#define KNOWN "\"annotations\":{\"org.criu.checkpoint.container.name\":\"\"}"

static void test_malformed_manifests_are_refused(void **state)
{
        struct error err = {0};

        assert_error(parse("", &err), &err, ERROR_BAD_JSON);
        assert_error(parse("{}", &err), &err, ERROR_IMAGE_NOT_CHECKPOINT);
        assert_error(parse("{\"annotations\":{\"a\":\"b\"},\"layers\":[]}", &err), &err,
                     ERROR_IMAGE_NOT_CHECKPOINT);
        assert_error(parse("{" KNOWN ",\"layers\":[]}", &err), &err, ERROR_IMAGE_NOT_CHECKPOINT);
        assert_error(parse("{" KNOWN ",\"layers\":[{\"mediaType\":\"text/plain\"}]}", &err), &err,
                     ERROR_IMAGE_LAYOUT);
        assert_error(parse("{" KNOWN ",\"layers\":[{\"mediaType\":\"" MEDIA_LAYER
                           "\",\"digest\":\"sha256:12\","
                           "\"size\":1}]}",
                           &err),
                     &err, ERROR_IMAGE_LAYOUT);
}

/* Different checkpoints have different configs, and the same archive always the same. */
static void test_configs_are_unique(void **state)
{
        struct buffer texts[3] = {{0}};
        static const char *const paths[] = {GOLDEN("podman-5.8.6-counter-none.tar"),
                                            GOLDEN("podman-5.8.6-two-none.tar"),
                                            GOLDEN("podman-5.8.6-counter-none.tar")};

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                _cleanup_archive_ struct archive *archive = NULL;
                _cleanup_metadata_ struct metadata *metadata = NULL;
                struct error err = {0};

                assert_success(archive_open(paths[i], &archive, &err), &err);
                assert_success(metadata_load(archive, &metadata, &err), &err);
                assert_success(manifest_config(metadata, layers, 2, &texts[i], &err), &err);
        }
        assert_string_not_equal(buffer_text(&texts[0]), buffer_text(&texts[1]));
        assert_string_equal(buffer_text(&texts[0]), buffer_text(&texts[2]));
        buffer_free(&texts[0]);
        buffer_free(&texts[1]);
        buffer_free(&texts[2]);
}

int main(void)
{
#define scratch_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_annotations_of_crio),
                cmocka_unit_test(test_annotations_of_the_others),
                scratch_test(test_nothing_is_smuggled),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_malformed_manifests_are_refused),
                cmocka_unit_test(test_configs_are_unique),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
