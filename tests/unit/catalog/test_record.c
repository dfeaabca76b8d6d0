/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "catalog/checkpoint.h"
#include "catalog/operation.h"

static yyjson_doc *parse(const char *text)
{
        struct error err = {0};
        yyjson_doc *doc = NULL;

        assert_success(json_parse(SLICE_TEXT(text), "test", &doc, &err), &err);
        return doc;
}

static char *write_value(yyjson_mut_doc *doc, yyjson_mut_val *value)
{
        struct buffer text = {0};
        struct error err = {0};

        assert_non_null(value);
        yyjson_mut_doc_set_root(doc, value);
        assert_success(json_write(doc, false, &text, &err), &err);
        yyjson_mut_doc_free(doc);
        return (char *)text.data;
}

static char *checkpoint_text(const struct checkpoint *checkpoint)
{
        yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

        return write_value(doc, checkpoint_json(checkpoint, doc));
}

static void checkpoint_goes_through_json_and_back(void **state)
{
        static const char text[] =
                "{\"id\":\"01\",\"state\":\"completed\",\"reason\":\"\",\"source\":\"checkpoint\","
                "\"namespace\":\"default\",\"pod\":\"w\\\"eb\",\"podUid\":\"u\",\"container\":\"nginx\","
                "\"containerId\":\"c\",\"image\":\"i\",\"node\":\"n\",\"engine\":\"crun\",\"group\":\"g\","
                "\"path\":\"/a/b.tar\",\"digest\":\"sha256:00\",\"size\":9007199254740993,\"frozenUs\":1,"
                "\"durationUs\":2,\"createdAt\":\"2026-11-24T14:00:00.000000001Z\","
                "\"verifiedAt\":\"1969-12-31T23:59:59Z\",\"pinned\":true}";
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL, *copy = NULL;
        _cleanup_json_ yyjson_doc *doc = parse(text);
        _cleanup_free_ char *again = NULL;
        struct error err = {0};

        assert_success(checkpoint_from_json(yyjson_doc_get_root(doc), &checkpoint, &err), &err);
        assert_int_equal(checkpoint->size, 9007199254740993ull);
        assert_int_equal(checkpoint->verified_ns, -1000000000);
        assert_success(checkpoint_copy(checkpoint, &copy, &err), &err);
        assert_ptr_not_equal(copy->pod, checkpoint->pod);
        again = checkpoint_text(copy);
        assert_string_equal(again, text);
}

static void what_is_unknown_is_empty(void **state)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        _cleanup_json_ yyjson_doc *doc = parse("{\"id\":\"x\",\"later\":{\"than\":1}}");
        _cleanup_free_ char *text = NULL;
        struct error err = {0};

        assert_success(checkpoint_from_json(yyjson_doc_get_root(doc), &checkpoint, &err), &err);
        assert_string_equal(checkpoint->pod, "");
        assert_int_equal(checkpoint->created_ns, 0);
        text = checkpoint_text(checkpoint);
        assert_null(strstr(text, "createdAt"));
}

static void wrong_types_are_refused(void **state)
{
        static const char *const texts[] = {"[]",
                                            "{\"id\":1}",
                                            "{\"id\":null}",
                                            "{\"id\":\"a\\u0000b\"}",
                                            "{\"size\":-1}",
                                            "{\"size\":1.5}",
                                            "{\"size\":\"1\"}",
                                            "{\"createdAt\":1}",
                                            "{\"createdAt\":\"yesterday\"}",
                                            "{\"pinned\":1}"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
                _cleanup_json_ yyjson_doc *doc = parse(texts[i]);
                struct error err = {0};

                assert_error(checkpoint_from_json(yyjson_doc_get_root(doc), &checkpoint, &err), &err,
                             ERROR_BAD_JSON);
                assert_null(checkpoint);
        }
}

static void phases_have_names(void **state)
{
        for (enum operation_phase phase = 0; phase < PHASE_MAX_; phase++) {
                assert_true(*operation_phase_name(phase));
                assert_int_equal(operation_phase_from_name(operation_phase_name(phase)), phase);
                assert_int_equal(operation_phase_is_last(phase), phase >= PHASE_DONE);
        }
        assert_int_equal(operation_phase_from_name("asleep"), PHASE_MAX_);
        assert_string_equal(operation_phase_name(PHASE_MAX_), "");
}

static void operation_shows_result_and_error(void **state)
{
        _cleanup_operation_ struct operation *operation = NULL, *back = NULL;
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;
        yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
        struct error err = {0};

        assert_success(operation_new(&operation, &err), &err);
        operation->phase = PHASE_FAILED;
        operation->done = 5;
        assert_int_equal(text_set(&operation->id, "01"), 0);
        assert_int_equal(text_set(&operation->request, "{\"secret\":1}"), 0);
        assert_int_equal(text_set(&operation->journal, "{\"secret\":2}"), 0);
        assert_int_equal(text_set(&operation->result, "{\"name\":\"web\"}"), 0);
        assert_int_equal(text_set(&operation->error_code, "SNAP-615"), 0);
        assert_int_equal(text_set(&operation->error_text, "killed"), 0);
        text = write_value(out, operation_json(operation, out));
        assert_null(strstr(text, "secret"));
        assert_non_null(strstr(text, "\"phase\":\"failed\""));
        assert_non_null(strstr(text, "\"result\":{\"name\":\"web\"}"));
        doc = parse(text);
        assert_success(operation_from_json(yyjson_doc_get_root(doc), &back, &err), &err);
        assert_int_equal(back->phase, PHASE_FAILED);
        assert_int_equal(back->done, 5);
        assert_string_equal(back->error_text, "killed");
        out = yyjson_mut_doc_new(NULL);
        again = write_value(out, operation_json(back, out));
        assert_string_equal(again, text);
}

static void operation_without_a_known_phase_is_refused(void **state)
{
        static const char *const texts[] = {"{}", "{\"phase\":\"asleep\"}", "{\"phase\":1}", "[]", "1"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_operation_ struct operation *operation = NULL;
                _cleanup_json_ yyjson_doc *doc = parse(texts[i]);
                struct error err = {0};

                assert_error(operation_from_json(yyjson_doc_get_root(doc), &operation, &err), &err,
                             ERROR_BAD_JSON);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(checkpoint_goes_through_json_and_back),
                cmocka_unit_test(what_is_unknown_is_empty),
                cmocka_unit_test(wrong_types_are_refused),
                cmocka_unit_test(phases_have_names),
                cmocka_unit_test(operation_shows_result_and_error),
                cmocka_unit_test(operation_without_a_known_phase_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
