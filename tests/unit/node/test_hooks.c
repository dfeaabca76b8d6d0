/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "node/hooks.h"
#include "node/node.h"

#define LIST(hooks) "{\"hooks\":{\"preFreeze\":[" hooks "]}}"

static int parse(const char *text, yyjson_doc **doc, struct hook_list *out, struct error *err)
{
        assert_success(json_parse(SLICE_TEXT(text), "test", doc, err), err);
        return hooks_parse(yyjson_doc_get_root(*doc), "preFreeze", out, err);
}

static void reads_all_kinds(void **state)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        struct hook_list hooks;
        struct error err = {0};

        assert_success(parse(LIST("{\"command\":[\"sync\",\"-f\"],\"container\":\"db\",\"timeout\":5,"
                                  "\"onError\":\"Continue\"},"
                                  "{\"http\":{\"url\":\"https://a.example/x\",\"method\":\"GET\"}},"
                                  "{\"http\":{\"port\":80,\"path\":\"/p\"}}"),
                             &doc, &hooks, &err),
                       &err);
        assert_int_equal(hooks.count, 3);
        assert_string_equal(hooks.items[0].command[1], "-f");
        assert_null(hooks.items[0].command[2]);
        assert_string_equal(hooks.items[0].container, "db");
        assert_int_equal(hooks.items[0].timeout_s, 5);
        assert_true(hooks.items[0].may_fail);
        assert_string_equal(hooks.items[1].method, "GET");
        assert_int_equal(hooks.items[1].timeout_s, 30);
        assert_false(hooks.items[1].may_fail);
        assert_null(hooks.items[1].command[0]);
        assert_int_equal(hooks.items[2].port, 80);
        assert_string_equal(hooks.items[2].method, "POST");
}

static void has_none_where_none_are(void **state)
{
        static const char *const texts[] = {"{}", "{\"hooks\":{}}", "{\"hooks\":{\"preFreeze\":[]}}"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_json_ yyjson_doc *doc = NULL;
                struct hook_list hooks;
                struct error err = {0};

                assert_success(parse(texts[i], &doc, &hooks, &err), &err);
                assert_int_equal(hooks.count, 0);
        }
}

static void refuses_what_is_wrong(void **state)
{
        static const char *const texts[] = {
                "{\"hooks\":[]}",
                "{\"hooks\":{\"preFreeze\":{}}}",
                LIST("1"),
                LIST("{}"),
                LIST("{\"command\":[\"a\"],\"http\":{\"port\":1}}"),
                LIST("{\"command\":\"sync\"}"),
                LIST("{\"command\":[]}"),
                LIST("{\"command\":[\"\"]}"),
                LIST("{\"command\":[\"a\",1]}"),
                LIST("{\"command\":[\"a\\u0000b\"]}"),
                LIST("{\"command\":[\"a\"],\"timeout\":0}"),
                LIST("{\"command\":[\"a\"],\"timeout\":3601}"),
                LIST("{\"command\":[\"a\"],\"timeout\":\"5\"}"),
                LIST("{\"command\":[\"a\"],\"onError\":\"Maybe\"}"),
                LIST("{\"http\":{}}"),
                LIST("{\"http\":{\"port\":0}}"),
                LIST("{\"http\":{\"port\":65536}}"),
                LIST("{\"http\":{\"port\":80,\"path\":\"p\"}}"),
                LIST("{\"http\":{\"port\":80,\"path\":\"/a b\"}}"),
                LIST("{\"http\":{\"url\":\"file:///etc/passwd\"}}"),
                LIST("{\"http\":{\"url\":\"http://a:b@c/\"}}"),
                LIST("{\"http\":{\"port\":80,\"method\":\"DELETE\"}}"),
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_json_ yyjson_doc *doc = NULL;
                struct hook_list hooks;
                struct error err = {0};

                if (parse(texts[i], &doc, &hooks, &err) >= 0)
                        fail_msg("accepted: %s", texts[i]);
                assert_ptr_equal(err.kind, &ERROR_BAD_INPUT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_all_kinds),
                cmocka_unit_test(has_none_where_none_are),
                cmocka_unit_test(refuses_what_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
