/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "archive/pods.h"

#define TWO                                                                                                  \
        "{\"version\":0,\"CheckpointedPods\":["                                                              \
        "{\"io.kubernetes.pod.uid\":\"u1\",\"SandboxID\":\"s1\",\"io.kubernetes.pod.name\":\"a\","           \
        "\"io.kubernetes.pod.namespace\":\"n\",\"podIP\":\"10.0.0.1\",\"podIPs\":[\"10.0.0.1\"],"            \
        "\"Containers\":[{\"io.kubernetes.container.name\":\"c\",\"id\":\"i\",\"Image\":\"m\"}]},"           \
        "{\"SandboxID\":\"s2\",\"future\":{\"x\":1}}]}"

static struct pods *parse(const char *text)
{
        struct pods *pods = NULL;
        struct error err = {0};

        assert_success(pods_parse(SLICE_TEXT(text), "test", &pods, &err), &err);
        return pods;
}

static void test_fields(void **state)
{
        _cleanup_pods_ struct pods *pods = parse(TWO);
        char name[POD_ARCHIVE_SIZE];

        assert_int_equal(pods->count, 2);
        assert_string_equal(pods->list[0].uid, "u1");
        assert_string_equal(pods->list[0].name, "a");
        assert_string_equal(pods->list[0].name_space, "n");
        assert_string_equal(pods->list[0].ip, "10.0.0.1");
        assert_string_equal(pod_archive_name(&pods->list[0], name), "s1.tar");
        assert_int_equal(pods->list[0].container_count, 1);
        assert_string_equal(pods->list[0].containers[0].name, "c");
        assert_string_equal(pods->list[0].containers[0].id, "i");
        assert_string_equal(pods->list[0].containers[0].image, "m");
        assert_string_equal(pods->list[1].name, "");
        assert_int_equal(pods->list[1].container_count, 0);
}

/* As Go reads them: absent and null are empty. */
static void test_empty_ones(void **state)
{
        static const char *const texts[] = {"{}", "{\"version\":0}", "{\"CheckpointedPods\":null}",
                                            "{\"CheckpointedPods\":[]}"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_pods_ struct pods *pods = parse(texts[i]);

                assert_int_equal(pods->count, 0);
        }
}

/* A little text can be a long table. */
static void test_too_many(void **state)
{
        _cleanup_buffer_ struct buffer text = {0}, merged = {0};
        _cleanup_pods_ struct pods *half = NULL;
        struct pods *pods = NULL;
        struct error err = {0};

        buffer_append_text(&text, "{\"CheckpointedPods\":[{}");
        for (size_t i = 1; i < PODS_VALUES_MAX / 2; i++)
                buffer_append_text(&text, ",{}");
        buffer_append_text(&text, "]}");
        half = parse(buffer_text(&text));
        assert_int_equal(half->count, PODS_VALUES_MAX / 2);
        assert_int_equal(pods_write_merged(half, half, &merged, &err), -EFBIG);
        assert_ptr_equal(err.kind, &ERROR_ARCHIVE_METADATA);
        err = (struct error){0};
        assert_int_equal(pods_parse(buffer_slice(&merged), "test", &pods, &err), -EFBIG);
        assert_ptr_equal(err.kind, &ERROR_ARCHIVE_METADATA);
}

static void test_refusals(void **state)
{
        static const struct {
                const char *text;
                const struct error_kind *kind;
        } cases[] = {
                {"", &ERROR_BAD_JSON},
                {"{\"version\":0", &ERROR_BAD_JSON},
                {"[]", &ERROR_ARCHIVE_METADATA},
                {"{\"version\":\"0\"}", &ERROR_ARCHIVE_METADATA},
                {"{\"version\":1}", &ERROR_UNSUPPORTED},
                {"{\"version\":-1}", &ERROR_UNSUPPORTED},
                {"{\"CheckpointedPods\":{}}", &ERROR_ARCHIVE_METADATA},
                {"{\"CheckpointedPods\":[1]}", &ERROR_ARCHIVE_METADATA},
                {"{\"CheckpointedPods\":[{\"SandboxID\":7}]}", &ERROR_ARCHIVE_METADATA},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"a\\u0000b\"}]}", &ERROR_ARCHIVE_METADATA},
                {"{\"CheckpointedPods\":[{\"Containers\":[[]]}]}", &ERROR_ARCHIVE_METADATA},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"../x\"}]}", &ERROR_ARCHIVE_NAME},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"a/b\"}]}", &ERROR_ARCHIVE_NAME},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"/etc/x\"}]}", &ERROR_ARCHIVE_NAME},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"..\"}]}", &ERROR_ARCHIVE_NAME},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\".x\"}]}", &ERROR_ARCHIVE_NAME},
                {"{\"CheckpointedPods\":[{\"SandboxID\":\"a\\nb\"}]}", &ERROR_ARCHIVE_NAME},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct pods *pods = NULL;
                struct error err = {0};

                assert_true(pods_parse(SLICE_TEXT(cases[i].text), "test", &pods, &err) < 0);
                assert_ptr_equal(err.kind, cases[i].kind);
                assert_null(pods);
        }
}

static void test_length_of_sandbox(void **state)
{
        for (size_t length = POD_SANDBOX_MAX; length <= POD_SANDBOX_MAX + 1; length++) {
                _cleanup_buffer_ struct buffer text = {0};
                struct pods *pods = NULL;
                struct error err = {0};

                assert_int_equal(buffer_printf(&text, "{\"CheckpointedPods\":[{\"SandboxID\":\"%0*d\"}]}",
                                               (int)length, 1),
                                 0);
                if (length > POD_SANDBOX_MAX) {
                        assert_error(pods_parse(buffer_slice(&text), "test", &pods, &err), &err,
                                     ERROR_ARCHIVE_NAME);
                        continue;
                }
                assert_success(pods_parse(buffer_slice(&text), "test", &pods, &err), &err);
                pods_free(pods);
        }
}

static void test_merging_keeps_what_is_unknown(void **state)
{
        _cleanup_pods_ struct pods *old = parse("{\"later\":[1],\"version\":0,\"CheckpointedPods\":["
                                                "{\"SandboxID\":\"s0\",\"hostIP\":\"h\",\"other\":null}]}");
        _cleanup_pods_ struct pods *more = parse(TWO), *merged = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(pods_write_merged(old, more, &text, &err), &err);
        assert_success(pods_parse(buffer_slice(&text), "test", &merged, &err), &err);
        assert_int_equal(merged->count, 3);
        assert_string_equal(merged->list[0].sandbox, "s0");
        assert_string_equal(merged->list[2].sandbox, "s2");
        assert_non_null(strstr(buffer_text(&text), "\"later\": ["));
        assert_non_null(strstr(buffer_text(&text), "\"other\": null"));
        assert_non_null(strstr(buffer_text(&text), "\"podIPs\": ["));
        assert_non_null(strstr(buffer_text(&text), "\"future\": {"));
}

static void test_merging_into_nothing(void **state)
{
        _cleanup_pods_ struct pods *more = parse(TWO), *empty = parse("{\"CheckpointedPods\":null}");
        _cleanup_buffer_ struct buffer alone = {0}, joined = {0};
        struct error err = {0};

        assert_success(pods_write_merged(NULL, more, &alone, &err), &err);
        assert_success(pods_write_merged(empty, more, &joined, &err), &err);
        assert_non_null(strstr(buffer_text(&alone), "\"SandboxID\": \"s2\""));
        assert_non_null(strstr(buffer_text(&joined), "\"SandboxID\": \"s2\""));
        assert_null(strstr(buffer_text(&joined), "\"CheckpointedPods\": null"));
}

static void test_equality(void **state)
{
        const struct pod a = {.uid = "u", .sandbox = "s"}, same_uid = {.uid = "u", .sandbox = "x"},
                         same_sandbox = {.uid = "x", .sandbox = "s"}, none = {.uid = "", .sandbox = ""};

        assert_true(pod_equal(&a, &same_uid));
        assert_true(pod_equal(&a, &same_sandbox));
        assert_false(pod_equal(&same_uid, &same_sandbox));
        assert_false(pod_equal(&none, &none));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_empty_ones),
                cmocka_unit_test(test_too_many),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_length_of_sandbox),
                cmocka_unit_test(test_merging_keeps_what_is_unknown),
                cmocka_unit_test(test_merging_into_nothing),
                cmocka_unit_test(test_equality),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
