/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "sidecar/traffic.h"

static void test_counts(void **state)
{
        static const struct route routes[] = {{"GET", "/a/{id}", NULL, 0}, {"PUT", "/a/{id}", NULL, 0}};
        _cleanup_buffer_ struct buffer text = {0};
        struct traffic *traffic;
        struct error err = {0};

        assert_success(traffic_new(routes, ARRAY_SIZE(routes), &traffic, &err), &err);
        traffic_count(traffic, "GET", routes[0].pattern, 200);
        traffic_count(traffic, "HEAD", routes[0].pattern, 200);
        traffic_count(traffic, "PUT", routes[1].pattern, 0);
        traffic_count(traffic, "PUT", routes[1].pattern, 418);
        traffic_count(traffic, "NONSENSE", NULL, 404);
        assert_success(traffic_metrics(traffic, &text, &err), &err);
        assert_non_null(strstr(buffer_text(&text), "{method=\"GET\",route=\"/a/{id}\",status=\"200\"} 2\n"));
        assert_non_null(
                strstr(buffer_text(&text), "{method=\"PUT\",route=\"/a/{id}\",status=\"broken\"} 1\n"));
        assert_non_null(
                strstr(buffer_text(&text), "{method=\"PUT\",route=\"/a/{id}\",status=\"other\"} 1\n"));
        assert_non_null(strstr(buffer_text(&text), "{method=\"\",route=\"\",status=\"404\"} 1\n"));
        assert_non_null(strstr(buffer_text(&text), "\nprocess_open_fds "));
        traffic_free(traffic);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
