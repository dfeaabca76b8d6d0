/* SPDX-License-Identifier: Apache-2.0 */
/* Against a node that gives what a test wants it to give. */
#include "testing.h"

#include <fcntl.h>
#include <pthread.h>
#include "base/file.h"
#include "net/server.h"
#include "node/fetch.h"

#define ID     "01KB0000000000000000000001"
#define DIGEST "sha256:0123"
#define SIZE   (9 * CHUNK_SIZE_MIN + 4321)

static struct world {
        struct server *server;
        struct peer *peer;
        struct checkpoint *checkpoint;
        struct chunk_list list;
        int archive, copy;
        char url[64];

        pthread_mutex_t lock;
        unsigned requests, breaks; /* that came; answers that are still to be broken off */
        uint64_t sent;
        int64_t flip;    /* the byte that is sent wrongly; -1: none */
        unsigned status; /* what is answered instead; 0: what was asked for */
        const char *etag;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the other node ---------------------------------------------------------------------------------------
 */

struct answer {
        uint64_t first, size, limit;
};

static ssize_t answer_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct answer *answer = context;
        ssize_t n;

        size = size < answer->size - offset ? size : (size_t)(answer->size - offset);
        if (offset >= answer->limit)
                return -EIO;
        n = file_pread_full(world.archive, data, size, answer->first + offset);
        pthread_mutex_lock(&world.lock);
        world.sent += (uint64_t)n;
        pthread_mutex_unlock(&world.lock);
        if (world.flip >= 0 && (uint64_t)world.flip - answer->first - offset < (uint64_t)n)
                ((uint8_t *)data)[(uint64_t)world.flip - answer->first - offset] ^= 1;
        return n;
}

static struct answer *answer_new(uint64_t first, uint64_t size)
{
        struct answer *answer = malloc(sizeof(*answer));

        *answer = (struct answer){first, size, UINT64_MAX};
        pthread_mutex_lock(&world.lock);
        world.requests++;
        if (world.breaks) {
                world.breaks--;
                answer->limit = size / 2;
        }
        pthread_mutex_unlock(&world.lock);
        return answer;
}

static int archive_end(struct request *request, struct error *err)
{
        unsigned long long first, last;

        if (world.status)
                return request_respond_bytes(request, world.status, "application/json",
                                             SLICE_TEXT("{\"error\":{\"text\":\"no such luck\"}}"), err);
        assert_int_equal(sscanf(request_header(request, "Range"), "bytes=%llu-%llu", &first, &last), 2);
        assert_success(request_set_header(request, err, "ETag", "\"%s\"", world.etag), err);
        assert_success(request_set_header(request, err, "Content-Range", "bytes %llu-%llu/%llu", first, last,
                                          (unsigned long long)SIZE),
                       err);
        return request_respond_stream(
                request, 206, "application/x-tar", last - first + 1,
                &(struct response_source){answer_read, free, answer_new(first, last - first + 1)}, err);
}

static int chunks_end(struct request *request, struct error *err)
{
        _cleanup_buffer_ struct buffer list = {0}, text = {0};

        assert_success(chunk_list_write(&world.list, &list, err), err);
        assert_int_equal(buffer_printf(&text,
                                       "{\"checkpoint\":{\"id\":\"%s\",\"digest\":\"%s\",\"size\":%llu},%s",
                                       request_header(request, TICKET_HEADER) ?: ID, DIGEST,
                                       (unsigned long long)SIZE, buffer_text(&list) + 1),
                         0);
        return request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

static const struct handler handle_archive = {.end = archive_end}, handle_chunks = {.end = chunks_end};
static const struct route routes[] = {
        {"GET", "/checkpoints/{id}/archive", &handle_archive, 0},
        {"GET", "/checkpoints/{id}/chunks", &handle_chunks, 0},
};

/* --- each test --------------------------------------------------------------------------------------------
 */

static void *scratch;

static void peer_start(const char *ticket)
{
        struct error err = {0};

        assert_success(peer_open(&(struct peer_options){.url = world.url, .id = ID, .ticket = ticket},
                                 &world.peer, &err),
                       &err);
}

static int start(void **state)
{
        const struct server_options options = {
                .listen = "127.0.0.1:0", .routes = routes, .route_count = ARRAY_SIZE(routes)};
        struct error err = {0};

        if (scratch_setup(&scratch) < 0)
                return -1;
        world.archive = open("archive", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        world.copy = open("copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        for (uint64_t at = 0; at < SIZE; at += sizeof(at))
                assert_int_equal(
                        write(world.archive, &at, SIZE - at < sizeof(at) ? SIZE - at : sizeof(at)) > 0, 1);
        assert_success(chunk_list_make(world.archive, SIZE, "archive", NULL, &world.list, &err), &err);
        world.requests = world.breaks = world.status = 0;
        world.sent = 0;
        world.flip = -1;
        world.etag = DIGEST;
        assert_success(server_start(&options, &world.server, &err), &err);
        snprintf(world.url, sizeof(world.url), "http://%s/", server_address(world.server));
        peer_start(NULL);
        assert_success(checkpoint_new(&world.checkpoint, &err), &err);
        free(world.checkpoint->id);
        world.checkpoint->id = strdup(ID);
        free(world.checkpoint->digest);
        world.checkpoint->digest = strdup(DIGEST);
        return 0;
}

static int stop(void **state)
{
        peer_free(world.peer);
        server_free(world.server);
        checkpoint_free(world.checkpoint);
        chunk_list_free(&world.list);
        close(world.archive);
        close(world.copy);
        return scratch_teardown(&scratch);
}

static int fetch(struct fetch_result *result, struct error *err)
{
        const struct fetch_options options = {
                .checkpoint = world.checkpoint, .list = &world.list, .connections = 3, .patience_seconds = 1};

        *err = (struct error){0};
        return fetch_archive(world.peer, world.copy, &options, result, err);
}

static void assert_copied(void)
{
        _cleanup_buffer_ struct buffer a = {0}, b = {0};

        assert_int_equal(file_read(AT_FDCWD, "archive", 64 * MIB, &a, NULL), 0);
        assert_int_equal(file_read(AT_FDCWD, "copy", 64 * MIB, &b, NULL), 0);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

static void test_fetches_each_byte_once(void **state)
{
        struct fetch_result result;
        struct error err = {0};

        assert_success(fetch(&result, &err), &err);
        assert_copied();
        assert_int_equal(result.kept, 0);
        assert_int_equal(result.fetched, SIZE);
        assert_int_equal(world.sent, SIZE);
        assert_int_equal(result.breaks, 0);
}

static void test_goes_on_after_breaks(void **state)
{
        struct fetch_result result;
        struct error err = {0};

        world.breaks = 3;
        assert_success(fetch(&result, &err), &err);
        assert_copied();
        assert_int_equal(result.breaks, 3);
        assert_true(result.fetched < SIZE + 3 * CHUNK_SIZE_MIN);
}

/* What another process has left is only taken for what it is. */
static void test_fetches_only_what_is_missing(void **state)
{
        _cleanup_free_ uint8_t *bytes = malloc(3 * CHUNK_SIZE_MIN);
        struct fetch_result result;
        struct error err = {0};

        assert_int_equal(file_pread_full(world.archive, bytes, 3 * CHUNK_SIZE_MIN, 2 * CHUNK_SIZE_MIN),
                         3 * CHUNK_SIZE_MIN);
        bytes[CHUNK_SIZE_MIN + 5] ^= 1; /* of the second of the three */
        assert_int_equal(file_pwrite_full(world.copy, bytes, 3 * CHUNK_SIZE_MIN, 2 * CHUNK_SIZE_MIN), 0);
        assert_success(fetch(&result, &err), &err);
        assert_copied();
        assert_int_equal(result.kept, 2 * CHUNK_SIZE_MIN);
        assert_int_equal(result.fetched, SIZE - 2 * CHUNK_SIZE_MIN);
        assert_success(fetch(&result, &err), &err);
        assert_int_equal(result.fetched, 0);
        assert_int_equal(result.kept, SIZE);
}

static void test_a_wrong_byte_is_named(void **state)
{
        struct fetch_result result;
        struct error err = {0};

        world.flip = 7 * CHUNK_SIZE_MIN + 99;
        assert_error(fetch(&result, &err), &err, ERROR_CHUNK);
        assert_non_null(strstr(err.text, "chunk 7 of `" ID "` (bytes 29360128 to 33554431)"));
        assert_non_null(strstr(err.text, peer_name(world.peer)));
}

static void test_refusals(void **state)
{
        static const struct {
                unsigned status;
                const struct error_kind *kind;
        } refusals[] = {
                {403, &ERROR_PEER_ACCESS}, {401, &ERROR_PEER_ACCESS}, {404, &ERROR_CHECKPOINT_NOT_FOUND},
                {500, &ERROR_PEER},        {200, &ERROR_PEER_ANSWER}, {302, &ERROR_PEER_ANSWER},
        };
        struct fetch_result result;
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                world.status = refusals[i].status;
                assert_error(fetch(&result, &err), &err, *refusals[i].kind);
        }
        world.status = 403;
        peer_free(steal_ptr(world.peer));
        peer_start("0123");
        assert_error(fetch(&result, &err), &err, ERROR_TICKET);
        assert_non_null(strstr(err.text, "no such luck"));
}

static void test_another_archive_than_was_meant(void **state)
{
        struct fetch_result result;
        struct error err = {0};

        world.etag = "sha256:0124";
        assert_error(fetch(&result, &err), &err, ERROR_PEER_ANSWER);
}

static void test_gives_up_when_nobody_is_there(void **state)
{
        struct fetch_result result;
        struct error err = {0};

        server_stop(world.server, 0);
        assert_error(fetch(&result, &err), &err, ERROR_CONNECTION);
}

static void test_facts_and_chunks(void **state)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL, *other = NULL;
        _cleanup_chunk_list_ struct chunk_list list = {0};
        struct error err = {0};

        assert_success(peer_chunks(world.peer, &checkpoint, &list, &err), &err);
        assert_string_equal(checkpoint->digest, DIGEST);
        assert_int_equal(list.count, world.list.count);
        /* The test's node says that it is about what the ticket says. */
        peer_free(steal_ptr(world.peer));
        peer_start("01KB0000000000000000000002");
        assert_error(peer_chunks(world.peer, &other, &list, &err), &err, ERROR_PEER_ANSWER);
}

static void test_no_plain_http_to_others(void **state)
{
        struct peer *peer = NULL;
        struct error err = {0};

        assert_error(peer_open(&(struct peer_options){.url = "http://node2:10250", .id = ID}, &peer, &err),
                     &err, ERROR_HTTP_URL);
        assert_error(peer_open(&(struct peer_options){.url = "ftp://127.0.0.1", .id = ID}, &peer, &err), &err,
                     ERROR_HTTP_URL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_fetches_each_byte_once),
                TEST(test_goes_on_after_breaks),
                TEST(test_fetches_only_what_is_missing),
                TEST(test_a_wrong_byte_is_named),
                TEST(test_refusals),
                TEST(test_another_archive_than_was_meant),
                TEST(test_gives_up_when_nobody_is_there),
                TEST(test_facts_and_chunks),
                TEST(test_no_plain_http_to_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
