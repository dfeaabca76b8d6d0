/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "net/route.h"

static const struct route routes[] = {
        {"GET", "/", NULL, 0},
        {"GET", "/v2/", NULL, 1},
        {"GET", "/v2/{name...}/tags/list", NULL, 2},
        {"GET", "/v2/{name...}/blobs/{digest}", NULL, 3},
        {"POST", "/v2/{name...}/blobs/uploads/", NULL, 4},
        {"PUT", "/v2/{name...}/blobs/{digest}", NULL, 5},
        {"GET", "/pods/{namespace}/{pod}", NULL, 6},
        {"GET", "/files/{path...}", NULL, 7},
};

/* The tag of the route, -1 when there is none. */
static int find(const char *method, const char *path, struct route_match *found)
{
        route_find(routes, ARRAY_SIZE(routes), method, path, found);
        return found->route ? found->route->tag : -1;
}

static void assert_parameter(const struct route_match *found, size_t index, const char *name,
                             const char *value)
{
        struct slice actual = found->parameters[index].value;

        assert_true(index < found->count);
        assert_memory_equal(found->parameters[index].name.data, name, strlen(name));
        assert_int_equal(actual.size, strlen(value));
        assert_memory_equal(actual.data, value, actual.size);
}

static void test_parameters(void **state)
{
        struct route_match found;

        assert_int_equal(find("GET", "/v2/a/b/c/blobs/sha256:x", &found), 3);
        assert_parameter(&found, 0, "name", "a/b/c");
        assert_parameter(&found, 1, "digest", "sha256:x");
        assert_int_equal(find("GET", "/pods/default/web", &found), 6);
        assert_parameter(&found, 0, "namespace", "default");
        assert_parameter(&found, 1, "pod", "web");
        assert_int_equal(find("GET", "/files/a/b", &found), 7);
        assert_parameter(&found, 0, "path", "a/b");
        /* As many segments as possible, however they are called. */
        assert_int_equal(find("GET", "/v2/blobs/blobs/blobs", &found), 3);
        assert_parameter(&found, 0, "name", "blobs");
        assert_int_equal(find("GET", "/v2/a/tags/list/tags/list", &found), 2);
        assert_parameter(&found, 0, "name", "a/tags/list");
}

static void test_what_is_no_path(void **state)
{
        static const char *const paths[] = {
                "",         "x",           "//",           "/v2",         "/v2//tags/list", "/v2/tags/list",
                "/pods/a",  "/pods/a/",    "/pods//a",     "/pods/a/b/c", "/files",         "/files/",
                "/files//", "/files/a//b", "/v2/a/blobs/", "/V2/"};
        struct route_match found;

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                if (find("GET", paths[i], &found) >= 0)
                        fail_msg("`%s` is %s", paths[i], found.route->pattern);
}

static void test_methods(void **state)
{
        _cleanup_buffer_ struct buffer methods = {0};
        struct route_match found;

        assert_int_equal(find("HEAD", "/v2/", &found), 1);
        assert_int_equal(find("POST", "/v2/a/blobs/uploads/", &found), 4);
        assert_int_equal(find("PUT", "/v2/a/blobs/x", &found), 5);
        assert_int_equal(find("DELETE", "/v2/a/blobs/x", &found), -1);
        assert_int_equal(find("get", "/v2/", &found), -1);
        assert_int_equal(route_methods(routes, ARRAY_SIZE(routes), "/v2/a/blobs/x", &methods), 0);
        assert_string_equal(buffer_text(&methods), "GET, HEAD, PUT");
        methods.size = 0;
        assert_int_equal(route_methods(routes, ARRAY_SIZE(routes), "/nothing", &methods), 0);
        assert_int_equal(methods.size, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parameters),
                cmocka_unit_test(test_what_is_no_path),
                cmocka_unit_test(test_methods),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
