/* SPDX-License-Identifier: Apache-2.0 */
/* The server over its socket, as a client sees it byte for byte. */
#include "testing.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "net/client.h"
#include "net/server.h"

#define SOCKET "unix:socket"

/* --- what is served
 * ------------------------------------------------------------------------------------------- */

/* Counts the bytes of the body. */
static int count_begin(struct request *request, struct error *err)
{
        request_set_state(request, calloc(1, sizeof(size_t)));
        return 0;
}

static int count_body(struct request *request, struct slice bytes, struct error *err)
{
        size_t *count = request_state(request);

        *count += bytes.size;
        return *count > 1000 ? error_set(err, &ERROR_HTTP_TOO_LARGE, -EMSGSIZE, "more than 1000") : 0;
}

static int count_end(struct request *request, struct error *err)
{
        char text[64];
        const size_t *count = request_state(request);

        snprintf(text, sizeof(text), "%s %s %zu", request_parameter(request, "name"),
                 request_query(request, "q") ?: "-", *count);
        return request_respond_bytes(request, 200, "text/plain", SLICE_TEXT(text), err);
}

/* A stream without end, until the server ends. */
static ssize_t tick(void *context, uint64_t offset, void *data, size_t size)
{
        if (request_is_ending(context))
                return 0;
        usleep(10000);
        memcpy(data, "tick\n", 5);
        return 5;
}

static int events_end(struct request *request, struct error *err)
{
        const struct response_source source = {.read = tick, .context = request};

        return request_respond_stream(request, 200, "text/event-stream", RESPONSE_SIZE_UNKNOWN, &source, err);
}

/* Half of what it said that it would send. */
static ssize_t half(void *context, uint64_t offset, void *data, size_t size)
{
        memcpy(data, "half", 4);
        return offset ? -EIO : 4;
}

static int broken_end(struct request *request, struct error *err)
{
        const struct response_source source = {.read = half};

        return request_respond_stream(request, 200, "text/plain", 8, &source, err);
}

static int header_end(struct request *request, struct error *err)
{
        return request_set_header(request, err, "X-Echo", "%s", request_query(request, "value") ?: "") < 0
                       ? -EINVAL
                       : request_respond_status(request, 204, err);
}

/* Who is at the other end, and which route it is. */
static int peer_end(struct request *request, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        uid_t user = 0;

        if (request_describe_peer(request, &text) < 0 ||
            buffer_printf(&text, " %d %u %s", request_peer_user(request, &user), user,
                          request_pattern(request)) < 0)
                return error_oom(err);
        return request_respond_bytes(request, 200, "text/plain", buffer_slice(&text), err);
}

static atomic_uint ended[600];

static void count_ended(struct request *request, unsigned status)
{
        ended[status]++;
}

/* Says afterwards whether it was all sent. */
static bool was_sent;

static void note_sent(void *request)
{
        was_sent = request_was_sent(request);
}

static int noted_end(struct request *request, struct error *err)
{
        request_set_state(request, request);
        return request_query(request, "broken") ? broken_end(request, err)
                                                : request_respond_status(request, 204, err);
}

static const struct handler peer = {.end = peer_end}, count = {count_begin, count_body, count_end, free},
                            events = {.end = events_end}, broken = {.end = broken_end},
                            header = {.end = header_end}, noted = {.end = noted_end, .free = note_sent};
static const struct route routes[] = {
        {"PUT", "/count/{name}", &count, 0}, {"GET", "/events", &events, 0}, {"GET", "/broken", &broken, 0},
        {"GET", "/header", &header, 0},      {"GET", "/peer/{x}", &peer, 0}, {"GET", "/noted", &noted, 0},
};

/* --- a client
 * ---------------------------------------------------------------------------------------------------- */

static int dial(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* What comes until the server closes. */
static char *read_all(int fd)
{
        struct buffer text = {0};
        char part[4096];
        ssize_t n;

        while ((n = read(fd, part, sizeof(part))) > 0)
                assert_int_equal(buffer_append(&text, part, (size_t)n), 0);
        close(fd);
        return text.data ? (char *)text.data : calloc(1, 1);
}

static char *ask(const char *text)
{
        int fd = dial();

        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        return read_all(fd);
}

#define REQUEST(line, headers, body) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" headers "\r\n" body

static void assert_answer(const char *request, const char *status, const char *part)
{
        _cleanup_free_ char *answer = ask(request);

        if (!text_starts_with(answer, status) || !strstr(answer, part))
                fail_msg("expected %s and `%s`, got:\n%s", status, part, answer);
}

static void *scratch; /* the directory */

static int start(void **state)
{
        const struct server_options options = {
                .listen = SOCKET,
                .routes = routes,
                .route_count = ARRAY_SIZE(routes),
                .idle_seconds = 1,
                .header_size = 2048,
                .path_size = 100,
                .ended = count_ended,
        };
        struct server *server;
        struct error err = {0};

        if (scratch_setup(&scratch) < 0)
                return -1;
        assert_success(server_start(&options, &server, &err), &err);
        assert_string_equal(server_address(server), SOCKET);
        *state = server;
        return 0;
}

static int stop(void **state)
{
        server_free(*state);
        return scratch_teardown(&scratch);
}

/* --- tests
 * -------------------------------------------------------------------------------------------------------- */

static void test_bodies_queries_and_parameters(void **state)
{
        assert_answer(REQUEST("PUT /count/a%20b?q=1%2B1+1", "Content-Length: 5\r\n", "hello"), "HTTP/1.1 200",
                      "\r\n\r\na b 1+1 1 5");
        assert_answer(REQUEST("PUT /count/x?q", "Content-Length: 1\r\n", "h"), "HTTP/1.1 200", "x  1");
        assert_answer(REQUEST("PUT /count/x?p", "Content-Length: 1\r\n", "h"), "HTTP/1.1 200", "x - 1");
        assert_answer(REQUEST("PUT /count/x", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
                      "HTTP/1.1 200", "x - 3");
        assert_answer(REQUEST("PUT /count/%zz", "Content-Length: 0\r\n", ""), "HTTP/1.1 400", "SNAP-520");
}

static void test_who_asks(void **state)
{
        char expected[128];

        snprintf(expected, sizeof(expected), "unix:uid=%u 1 %u /peer/{x}", geteuid(), geteuid());
        assert_answer(REQUEST("GET /peer/1", "", ""), "HTTP/1.1 200", expected);
}

/* Each request is counted once, with the status that the client got. */
static void test_ends_are_told(void **state)
{
        memset(ended, 0, sizeof(ended));
        assert_answer(REQUEST("GET /peer/1", "", ""), "HTTP/1.1 200", "");
        assert_answer(REQUEST("GET /nothing", "", ""), "HTTP/1.1 404", "");
        assert_answer(REQUEST("GET /broken", "", ""), "HTTP/1.1 200", "half");
        server_stop(*state, 30);
        assert_int_equal(ended[200], 1);
        assert_int_equal(ended[404], 1);
        assert_int_equal(ended[0], 1);
}

static void test_errors_are_json(void **state)
{
        assert_answer(REQUEST("GET /nowhere", "", ""), "HTTP/1.1 404", "{\"error\":{\"code\":\"SNAP-523\"");
        assert_answer(REQUEST("POST /count/x", "Content-Length: 0\r\n", ""), "HTTP/1.1 405",
                      "Allow: PUT\r\n");
}

/* A failure in the middle of a body is answered when the body has been read. */
static void test_a_body_that_is_too_large(void **state)
{
        char body[2001] = {0}, request[4096];

        memset(body, 'x', sizeof(body) - 1);
        snprintf(request, sizeof(request), REQUEST("PUT /count/x", "Content-Length: 2000\r\n", "%s"), body);
        assert_answer(request, "HTTP/1.1 413", "more than 1000");
}

static void test_long_headers_and_paths(void **state)
{
        char filler[3001] = {0}, request[8192];

        memset(filler, 'x', sizeof(filler) - 1);
        snprintf(request, sizeof(request), REQUEST("GET /events", "X: %s\r\n", ""), filler);
        assert_answer(request, "HTTP/1.1 431", "SNAP-526");
        filler[150] = '\0';
        snprintf(request, sizeof(request), REQUEST("GET /%s", "", ""), filler);
        assert_answer(request, "HTTP/1.1 431", "SNAP-526");
}

static void test_header_values_cannot_be_smuggled(void **state)
{
        assert_answer(REQUEST("GET /header?value=fine", "", ""), "HTTP/1.1 204", "X-Echo: fine\r\n");
        assert_answer(REQUEST("GET /header?value=a%0d%0aX-Evil:1", "", ""), "HTTP/1.1 400", "SNAP-520");
}

static void test_a_broken_stream_is_seen(void **state)
{
        _cleanup_free_ char *answer = ask(REQUEST("GET /broken", "", ""));

        assert_non_null(strstr(answer, "Content-Length: 8"));
        assert_non_null(strstr(answer, "\r\n\r\nhalf"));
        assert_true(text_ends_with(answer, "\r\n\r\nhalf"));
}

/* The watch closes both: a header that does not come to its end, and a body of which nothing comes. */
static void test_slow_clients_are_cut_off(void **state)
{
        _cleanup_free_ char *header_only = ask("GET /events HTTP/1.1\r\nHo");
        _cleanup_free_ char *body_only = ask(REQUEST("PUT /count/x", "Content-Length: 10\r\n", "abc"));

        assert_string_equal(header_only, "");
        assert_string_equal(body_only, "");
}

/* One that waits for nothing does not hold up the end, and one that streams gets to know of it. */
static void test_stopping_ends_streams(void **state)
{
        static const char request[] = REQUEST("GET /events", "", "");
        int idle = dial(), stream = dial();
        _cleanup_free_ char *text = NULL;
        char part[512];

        assert_int_equal(write(stream, request, strlen(request)), (ssize_t)strlen(request));
        assert_true(read(stream, part, sizeof(part)) > 0);
        server_stop(*state, 30);
        text = read_all(stream);
        assert_true(text_ends_with(text, "0\r\n\r\n"));
        close(idle);
        assert_int_equal(access("socket", F_OK), -1);
}

static void test_a_handler_knows_what_was_sent(void **state)
{
        _cleanup_free_ char *whole = NULL, *broken_off = NULL;

        whole = ask(REQUEST("GET /noted", "", ""));
        assert_true(text_starts_with(whole, "HTTP/1.1 204"));
        assert_true(was_sent);
        broken_off = ask(REQUEST("GET /noted?broken=1", "", ""));
        server_stop(*state, 30); /* after which all handlers are freed */
        assert_false(was_sent);
}

/* Whatever host the address names, and whatever proxy there is. */
static void test_the_client_speaks_over_a_socket(void **state)
{
        _cleanup_http_client_ struct http_client *client = NULL;
        _cleanup_http_response_ struct http_response response = {0}, none = {0};
        const struct http_request request = {
                .method = "GET", .url = "http://node/header?value=fine", .limit = 100};
        struct error err = {0};

        setenv("http_proxy", "http://127.0.0.1:1", 1);
        assert_success(http_client_new(&(struct http_client_options){.socket = "socket"}, &client, &err),
                       &err);
        assert_success(http_client_send(client, &request, &response, &err), &err);
        assert_string_equal(http_response_header(&response, "X-Echo"), "fine");
        server_stop(*state, 0);
        assert_error(http_client_send(client, &request, &none, &err), &err, ERROR_CONNECTION);
        unsetenv("http_proxy");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_bodies_queries_and_parameters, start, stop),
                cmocka_unit_test_setup_teardown(test_who_asks, start, stop),
                cmocka_unit_test_setup_teardown(test_ends_are_told, start, stop),
                cmocka_unit_test_setup_teardown(test_errors_are_json, start, stop),
                cmocka_unit_test_setup_teardown(test_a_body_that_is_too_large, start, stop),
                cmocka_unit_test_setup_teardown(test_long_headers_and_paths, start, stop),
                cmocka_unit_test_setup_teardown(test_header_values_cannot_be_smuggled, start, stop),
                cmocka_unit_test_setup_teardown(test_a_broken_stream_is_seen, start, stop),
                cmocka_unit_test_setup_teardown(test_slow_clients_are_cut_off, start, stop),
                cmocka_unit_test_setup_teardown(test_stopping_ends_streams, start, stop),
                cmocka_unit_test_setup_teardown(test_a_handler_knows_what_was_sent, start, stop),
                cmocka_unit_test_setup_teardown(test_the_client_speaks_over_a_socket, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
