/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server that says exactly what a test wants it to say. */
#include "testing.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include "net/client.h"

#define REQUEST_MAX 65536

/* Answers the Nth request with the Nth text; after one that is NULL it only waits. */
struct server {
        const char *const *answers;
        bool closes; /* the connection after each answer */
        int listener;
        unsigned port, connections, requests;
        char request[REQUEST_MAX]; /* the last one */
        pthread_t thread;
};

/* Reads up to the end of a request: its headers and, where it has one, its body. */
static bool request_read(struct server *server, int fd)
{
        size_t size = 0, length = 0;
        const char *end = NULL, *field;
        ssize_t n;

        while (!end || size < (size_t)(end - server->request) + 4 + length) {
                n = recv(fd, server->request + size, sizeof(server->request) - 1 - size, 0);
                if (n <= 0)
                        return false;
                size += (size_t)n;
                server->request[size] = '\0';
                end = strstr(server->request, "\r\n\r\n");
                field = strcasestr(server->request, "\r\nContent-Length: ");
                length = field ? strtoul(field + 18, NULL, 10) : 0;
        }
        return true;
}

static void serve(struct server *server, int fd)
{
        char byte;

        while (request_read(server, fd)) {
                const char *answer = server->answers[server->requests++];

                if (!answer) {
                        (void)!recv(fd, &byte, 1, 0); /* until the client gives up */
                        break;
                }
                if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0 || server->closes)
                        break;
        }
}

static void *server_main(void *argument)
{
        struct server *server = argument;
        int fd;

        while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
                server->connections++;
                serve(server, fd);
                close(fd);
        }
        return NULL;
}

static void server_start(struct server *server)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);

        server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(server->listener, 8), 0);
        assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
        server->port = ntohs(address.sin_port);
        assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
}

static void server_stop(struct server *server)
{
        shutdown(server->listener, SHUT_RDWR);
        pthread_join(server->thread, NULL);
        close(server->listener);
}

static struct http_client *client_new(const struct http_client_options *options)
{
        struct http_client *client = NULL;
        struct error err = {0};

        assert_success(http_client_new(options, &client, &err), &err);
        return client;
}

static int get(struct http_client *client, const struct server *server, struct http_request request,
               struct http_response *response, struct error *err)
{
        char url[64];

        snprintf(url, sizeof(url), "http://127.0.0.1:%u/path", server->port);
        request.url = url;
        if (!request.method)
                request.method = "GET";
        return http_client_send(client, &request, response, err);
}

static void test_answers(void **state)
{
        static const char *const answers[] = {
                "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                "X-Twice:  one \r\nx-twice: two\r\n\r\nhello",
                "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
        struct http_client *client = client_new(&(struct http_client_options){0});
        struct server server = {.answers = answers};
        struct http_response response;
        struct error err = {0};
        const char *value;

        server_start(&server);
        assert_success(get(client, &server, (struct http_request){.limit = 5}, &response, &err), &err);
        assert_int_equal(response.status, 200);
        assert_string_equal(buffer_text(&response.body), "hello");
        assert_null(http_response_header(&response, "X-Early"));
        value = http_response_header(&response, "X-TWICE");
        assert_string_equal(value, "one");
        value = http_response_next_header(&response, "x-twice", value);
        assert_string_equal(value, "two");
        assert_null(http_response_next_header(&response, "x-twice", value));
        assert_null(strstr(server.request, "Expect"));
        http_response_free(&response);
        /* What is no success does not count against the limit, and is no failure. */
        assert_success(get(client, &server, (struct http_request){0}, &response, &err), &err);
        assert_int_equal(response.status, 404);
        assert_string_equal(buffer_text(&response.body), "none");
        http_response_free(&response);
        assert_success(get(client, &server, (struct http_request){0}, &response, &err), &err);
        assert_int_equal(response.status, 302);
        http_response_free(&response);
        assert_int_equal(server.connections, 1);
        http_client_free(client);
        server_stop(&server);
}

static void test_body_is_sent(void **state)
{
        static const char *const answers[] = {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
                                              "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"};
        static const char *const headers[] = {"Content-Type: a/b", "X-Own: yes", NULL};
        struct http_client *client = client_new(&(struct http_client_options){0});
        struct server server = {.answers = answers};
        struct http_response response;
        struct error err = {0};

        server_start(&server);
        assert_success(get(client, &server,
                           (struct http_request){.method = "PATCH",
                                                 .headers = headers,
                                                 .has_body = true,
                                                 .body = SLICE_TEXT("some bytes")},
                           &response, &err),
                       &err);
        http_response_free(&response);
        assert_non_null(strstr(server.request, "PATCH /path HTTP/1.1\r\n"));
        assert_non_null(strstr(server.request, "\r\nContent-Type: a/b\r\n"));
        assert_non_null(strstr(server.request, "\r\nX-Own: yes\r\n"));
        assert_non_null(strstr(server.request, "\r\n\r\nsome bytes"));
        assert_success(get(client, &server, (struct http_request){.method = "POST", .has_body = true},
                           &response, &err),
                       &err);
        http_response_free(&response);
        assert_non_null(strstr(server.request, "\r\nContent-Length: 0\r\n"));
        assert_null(strcasestr(server.request, "Content-Type"));
        http_client_free(client);
        server_stop(&server);
}

static void assert_refused(const char *answer, int expected, const struct error_kind *kind)
{
        const char *const answers[] = {answer};
        struct http_client *client = client_new(&(struct http_client_options){0});
        struct server server = {.answers = answers, .closes = true};
        struct http_response response;
        struct error err = {0};

        server_start(&server);
        assert_int_equal(get(client, &server, (struct http_request){.limit = 10}, &response, &err), expected);
        assert_ptr_equal(err.kind, kind);
        assert_non_null(strstr(err.text, "127.0.0.1"));
        http_response_free(&response);
        http_client_free(client);
        server_stop(&server);
}

static void test_what_is_refused(void **state)
{
        char large[HTTP_HEADERS_MAX + 8 * KIB] = "HTTP/1.1 200 OK\r\n";

        for (size_t i = strlen(large); i + 100 < sizeof(large); i = strlen(large))
                snprintf(large + i, sizeof(large) - i, "X-%zu: 123456789012345678901234567890\r\n", i);
        strcat(large, "\r\n");
        assert_refused(large, -EBADMSG, &ERROR_HTTP_PROTOCOL);
        assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", -EFBIG,
                       &ERROR_HTTP_PROTOCOL);
        assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", -ECONNRESET, &ERROR_CONNECTION);
        assert_refused("", -ECONNRESET, &ERROR_CONNECTION);
        assert_refused("SSH-2.0-OpenSSH\r\n", -EBADMSG, &ERROR_HTTP_PROTOCOL);
}

/* An answer that is no success may say as much as it likes: what is too much is not read. */
static void test_long_refusal(void **state)
{
        char *text = calloc(1, HTTP_BODY_MAX * 4);
        const char *const answers[] = {text};
        struct http_client *client = client_new(&(struct http_client_options){0});
        struct server server = {.answers = answers, .closes = true};
        struct http_response response;
        struct error err = {0};

        assert_non_null(text);
        strcpy(text, "HTTP/1.1 500 Oh\r\n\r\n");
        memset(text + strlen(text), 'x', HTTP_BODY_MAX * 3);
        server_start(&server);
        assert_success(get(client, &server, (struct http_request){0}, &response, &err), &err);
        assert_int_equal(response.status, 500);
        assert_int_equal(response.body.size, HTTP_BODY_MAX);
        http_response_free(&response);
        http_client_free(client);
        server_stop(&server);
        free(text);
}

static int refuse_sink(void *context, const struct http_response *response, struct slice bytes,
                       struct error *err)
{
        return error_set(err, &ERROR_NO_SPACE, -ENOSPC, "full");
}

static bool yes(void *context)
{
        return true;
}

static void test_ends_early(void **state)
{
        static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", NULL, NULL,
                                              NULL};
        const struct progress cancelled = {.cancelled = yes};
        struct http_client *client = client_new(&(struct http_client_options){.stall_seconds = 1});
        struct http_client *other = client_new(&(struct http_client_options){.progress = &cancelled});
        struct server server = {.answers = answers, .closes = true};
        struct http_response response;
        struct error err = {0};

        server_start(&server);
        assert_int_equal(get(client, &server, (struct http_request){.sink = refuse_sink}, &response, &err),
                         -ENOSPC);
        assert_ptr_equal(err.kind, &ERROR_NO_SPACE);
        http_response_free(&response);
        assert_int_equal(get(client, &server, (struct http_request){.is_over = yes}, &response, &err),
                         -ECANCELED);
        assert_ptr_equal(err.kind, &ERROR_CANCELLED);
        http_response_free(&response);
        assert_int_equal(get(client, &server, (struct http_request){0}, &response, &err), -ETIMEDOUT);
        assert_ptr_equal(err.kind, &ERROR_HTTP_TIMEOUT);
        http_response_free(&response);
        assert_int_equal(get(other, &server, (struct http_request){0}, &response, &err), -ECANCELED);
        http_response_free(&response);
        http_client_free(client);
        http_client_free(other);
        server_stop(&server);
        client = client_new(&(struct http_client_options){0});
        assert_int_equal(get(client, &server, (struct http_request){0}, &response, &err), -ECONNREFUSED);
        assert_ptr_equal(err.kind, &ERROR_CONNECTION);
        http_response_free(&response);
        http_client_free(client);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),         cmocka_unit_test(test_body_is_sent),
                cmocka_unit_test(test_what_is_refused), cmocka_unit_test(test_long_refusal),
                cmocka_unit_test(test_ends_early),
        };

        unsetenv("http_proxy");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
