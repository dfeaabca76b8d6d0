/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a query and of a body. */
#include "testing.h"

#include "net/errors.h"
#include "sidecar/answer.h"
#include "sidecar/inspection.h"

/* A query as a list of names and values. */
static const char *query_of(void *context, const char *name)
{
        for (const char *const *pair = context; *pair; pair += 2)
                if (strcmp(pair[0], name) == 0)
                        return pair[1];
        return NULL;
}

static void assert_arguments(const char *verb, const char *const *query, const char *line)
{
        _cleanup_(arguments_free) struct arguments arguments = {0};
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_success(inspection_arguments(verb, query_of, (void *)(uintptr_t)query, &arguments, &err),
                       &err);
        for (size_t i = 0; arguments.items[i]; i++)
                assert_int_equal(buffer_printf(&text, "%s%s", i ? " " : "", arguments.items[i]), 0);
        assert_string_equal(buffer_text(&text), line);
}

static void test_arguments(void **state)
{
        static const char *const none[] = {NULL};
        static const char *const inspect[] = {"pid",  "1",   "files", "",  "ps-tree",
                                              "true", "net", "false", NULL};
        static const char *const search[] = {
                "search", "--output=/etc/passwd", "output", "/etc/passwd", "decryption-key", "/key", NULL};
        static const char *const diff[] = {"with", "/etc/passwd", "files", "", NULL};
        static const char *const image[] = {"image", "core-1.img", NULL};

        assert_arguments("show", none, "checkpointctl show --json -- -");
        assert_arguments("inspect", inspect, "checkpointctl inspect --json --ps-tree --files --pid=1 -- -");
        assert_arguments("memparse", search,
                         "checkpointctl memparse --json --search=--output=/etc/passwd -- -");
        assert_arguments("diff", diff, "checkpointctl diff --json --files -- - /dev/fd/3");
        assert_arguments("images", image, "checkpointctl images --json -- - core-1.img");
}

static void assert_refused(const char *verb, const char *name, const char *value,
                           const struct error_kind *kind)
{
        _cleanup_(arguments_free) struct arguments arguments = {0};
        const char *const query[] = {name, value, NULL};
        struct error err = {0};

        assert_true(inspection_arguments(verb, query_of, (void *)(uintptr_t)query, &arguments, &err) < 0);
        assert_ptr_equal(err.kind, kind);
}

static void test_refusals(void **state)
{
        char *huge = calloc(1, 5000);

        memset(huge, 'x', 4999);
        assert_refused("memparse", "search", huge, &ERROR_BAD_INPUT);
        free(huge);
        assert_refused("create", "x", "", &ERROR_HTTP_PATH);
        assert_refused("", "x", "", &ERROR_HTTP_PATH);
        assert_refused("inspect", "all", "yes", &ERROR_BAD_INPUT);
        assert_refused("images", "image", "../x", &ERROR_BAD_INPUT);
        assert_refused("images", "image", "/etc/passwd", &ERROR_BAD_INPUT);
        assert_refused("images", "image", "", &ERROR_BAD_INPUT);
}

static void test_bodies(void **state)
{
        static const char *const wrong[] = {"", "x", "[]", "7", "null", "{", "{}}", "{\"a\":}"};
        yyjson_doc *doc;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_error(body_parse(SLICE_TEXT(wrong[i]), &doc, &err), &err, ERROR_BAD_INPUT);
        assert_success(body_parse(SLICE_TEXT("{\"pod\":\"p\"}"), &doc, &err), &err);
        assert_string_equal(json_text(yyjson_doc_get_root(doc), "pod"), "p");
        yyjson_doc_free(doc);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arguments),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_bodies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
