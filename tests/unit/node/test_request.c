/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "node/checkpoint_request.h"

static int parse(const char *text, struct checkpoint_request *out, yyjson_doc **doc, struct error *err)
{
        assert_success(json_parse(SLICE_TEXT(text), "test", doc, err), err);
        return checkpoint_request_parse(yyjson_doc_get_root(*doc), out, err);
}

static void everything_that_can_be_asked(void **state)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct checkpoint_request request;
        struct error err = {0};

        assert_success(
                parse("{\"namespace\":\"a\",\"pod\":\"b\",\"container\":\"c\",\"stop\":true,\"tcp\":\"keep\","
                      "\"fileLocks\":true,\"compression\":\"zstd\",\"timeout\":5,\"priority\":-7,"
                      "\"force\":true,\"liveness\":{\"periodSeconds\":5,\"failureThreshold\":2},"
                      "\"hooks\":{},\"whatever\":1}",
                      &request, &doc, &err),
                &err);
        assert_string_equal(request.namespace, "a");
        assert_string_equal(request.container_id, "");
        assert_true(request.options.stop && request.options.file_locks && request.options.force);
        assert_int_equal(request.options.tcp, TCP_KEEP);
        assert_int_equal(request.options.compression, COMPRESSION_ZSTD);
        assert_int_equal(request.options.timeout_s, 5);
        assert_int_equal(request.priority, -7);
        assert_true(request.liveness.given);
        /* Period 5, timeout 1 by default: the second probe in a row times out after 6 s. */
        assert_int_equal((int)liveness_allows(&request.liveness), 6);
}

static void nothing_is_asked(void **state)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct checkpoint_request request;
        struct error err = {0};

        assert_success(parse("{}", &request, &doc, &err), &err);
        assert_false(request.options.stop || request.options.force || request.liveness.given);
        assert_int_equal(request.options.tcp, TCP_REFUSE);
        assert_int_equal(request.options.compression, COMPRESSION_NONE);
}

static void what_is_wrong_is_named(void **state)
{
        static const struct {
                const char *text, *member;
        } bad[] = {
                {"{\"stop\":1}", "stop"},
                {"{\"tcp\":\"drop\"}", "tcp"},
                {"{\"tcp\":0}", "tcp"},
                {"{\"compression\":\"bzip2\"}", "compression"},
                {"{\"timeout\":-1}", "timeout"},
                {"{\"timeout\":1.5}", "timeout"},
                {"{\"timeout\":99999999999}", "timeout"},
                {"{\"priority\":101}", "priority"},
                {"{\"priority\":\"high\"}", "priority"},
                {"{\"pod\":[]}", "pod"},
                {"{\"container\":\"a\\u0000b\"}", "container"},
                {"{\"liveness\":true}", "liveness"},
                {"{\"liveness\":{\"periodSeconds\":\"10\"}}", "periodSeconds"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_json_ yyjson_doc *doc = NULL;
                struct checkpoint_request request;
                struct error err = {0};

                assert_error(parse(bad[i].text, &request, &doc, &err), &err, ERROR_BAD_INPUT);
                assert_non_null(strstr(err.text, bad[i].member));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_that_can_be_asked),
                cmocka_unit_test(nothing_is_asked),
                cmocka_unit_test(what_is_wrong_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
