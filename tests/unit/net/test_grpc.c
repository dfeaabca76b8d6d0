/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and words of gRPC. Calls themselves are tested against a real containerd (tests/e2e/cri.bats). */
#include "testing.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "net/grpc.h"

static void test_frame(void **state)
{
        _cleanup_buffer_ struct buffer body = {0};
        struct slice message;

        assert_int_equal(grpc_frame_append(SLICE_TEXT("hello"), &body), 0);
        assert_int_equal(body.size, 10);
        assert_memory_equal(body.data, "\0\0\0\0\5hello", 10);
        assert_int_equal(grpc_frame_read(buffer_slice(&body), &message), 0);
        assert_int_equal(message.size, 5);
        assert_memory_equal(message.data, "hello", 5);
        body.size = 0;
        assert_int_equal(grpc_frame_append((struct slice){0}, &body), 0);
        assert_int_equal(grpc_frame_read(buffer_slice(&body), &message), 0);
        assert_int_equal(message.size, 0);
}

static void test_bad_frames(void **state)
{
        static const struct slice bad[] = {
                {(const uint8_t *)"", 0},
                {(const uint8_t *)"\0\0\0\0", 4},
                {(const uint8_t *)"\1\0\0\0\1x", 6},            /* compressed */
                {(const uint8_t *)"\0\0\0\0\2x", 6},            /* cut short */
                {(const uint8_t *)"\0\377\377\377\377x", 6},    /* cut very short */
                {(const uint8_t *)"\0\0\0\0\1xy", 7},           /* a byte too much */
                {(const uint8_t *)"\0\0\0\0\1x\0\0\0\0\0", 11}, /* a second message */
        };
        struct slice message;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(grpc_frame_read(bad[i], &message), -EBADMSG);
}

static void check_words(const char *field, const char *expected)
{
        _cleanup_buffer_ struct buffer text = {0};

        assert_int_equal(grpc_message_decode(field, &text), 0);
        assert_string_equal(buffer_text(&text), expected);
}

static void test_words(void **state)
{
        check_words("container \"x\" not found", "container \"x\" not found");
        check_words("50%25 of it%0Anext line", "50% of it\nnext line");
        check_words("%1B[31mred", "?[31mred");
        check_words("%C2%9B%E2%80%AE", "?????");
        check_words("wrong %zz and %4", "wrong %zz and %4"); /* kept as it is */
        check_words("", "");
}

static void test_no_socket(void **state)
{
        struct grpc_channel *channel = NULL;
        struct error err = {0};

        assert_error(grpc_channel_open("/nowhere/socket", &channel, &err), &err, ERROR_CONNECTION);
        assert_non_null(strstr(err.text, "/nowhere/socket"));
        assert_null(channel);
}

/* A socket file that nobody serves any more. */
static void test_nobody_listens(void **state)
{
        static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "./socket"};
        struct grpc_call call = {.method = "/a.B/C", .seconds = 1, .limit = 10};
        struct grpc_channel *channel = NULL;
        _cleanup_buffer_ struct buffer out = {0};
        struct error err = {0};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
        assert_success(grpc_channel_open("./socket", &channel, &err), &err);
        assert_error(grpc_channel_call(channel, &call, &out, &err), &err, ERROR_CONNECTION);
        assert_non_null(strstr(err.text, "./socket"));
        grpc_channel_free(channel);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_frame),
                cmocka_unit_test(test_bad_frames),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_no_socket),
                cmocka_unit_test_setup_teardown(test_nobody_listens, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
