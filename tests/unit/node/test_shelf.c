/* SPDX-License-Identifier: Apache-2.0 */
/* The shelf against a node that gives what a test wants it to give. */
#include "open_node.h"

#include <fcntl.h>
#include "tarball.h"
#include "net/client.h"
#include "net/server.h"
#include "node/peer.h"
#include "node/shelf.h"
#include "oci/image_plan.h"

#define ID          "01KB0000000000000000000001"
#define LOWER_ID    "01kb0000000000000000000001"
#define PAGES_SIZE  (20 * MIB)
#define GATE        (8 * MIB)
#define GATE_WAIT_S 60

static struct world {
        struct server *other;
        struct node *node;
        struct shelf *shelf;
        struct chunk_list list;
        struct image_plan plan;
        struct sha256 digest;
        uint64_t size;
        int archive;
        char *image; /* "127.0.0.1:PORT/checkpoint/ID:latest" */

        pthread_mutex_t lock;
        pthread_cond_t opened;
        bool is_closed, has_expired; /* the gate: nothing of the archive from GATE on comes through */
        unsigned breaks;             /* answers that are still to be broken off */
        uint64_t sent;
        int64_t flip;        /* the byte that is sent wrongly; -1: none */
        unsigned status;     /* what is answered instead; 0: what was asked for */
        bool is_lying;       /* about the digest of the last layer */
        unsigned tickets;    /* that were said to be needed no more */
        uint64_t seen_early; /* bytes of a layer that came while the gate was closed */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

/* --- the other node ---------------------------------------------------------------------------------------
 */

struct answer {
        uint64_t first, size, limit;
};

static void open_gate(void)
{
        pthread_mutex_lock(&world.lock);
        world.is_closed = false;
        pthread_cond_broadcast(&world.opened);
        pthread_mutex_unlock(&world.lock);
}

static void wait_at_gate(void)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += GATE_WAIT_S;
        pthread_mutex_lock(&world.lock);
        while (world.is_closed && !world.has_expired)
                world.has_expired = pthread_cond_timedwait(&world.opened, &world.lock, &until) == ETIMEDOUT;
        pthread_mutex_unlock(&world.lock);
}

static ssize_t answer_read(void *context, uint64_t offset, void *data, size_t size)
{
        struct answer *answer = context;
        uint64_t at = answer->first + offset;
        ssize_t n;

        size = size < answer->size - offset ? size : (size_t)(answer->size - offset);
        if (offset >= answer->limit)
                return -EIO;
        if (at + size > GATE)
                wait_at_gate();
        n = file_pread_full(world.archive, data, size, at);
        pthread_mutex_lock(&world.lock);
        world.sent += (uint64_t)n;
        pthread_mutex_unlock(&world.lock);
        if (world.flip >= 0 && (uint64_t)world.flip - at < (uint64_t)n)
                ((uint8_t *)data)[(uint64_t)world.flip - at] ^= 1;
        return n;
}

static struct answer *answer_new(uint64_t first, uint64_t size)
{
        struct answer *answer = malloc(sizeof(*answer));

        *answer = (struct answer){first, size, UINT64_MAX};
        pthread_mutex_lock(&world.lock);
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
        char hex[SHA256_HEX_SIZE];

        if (world.status)
                return request_respond_bytes(request, world.status, "application/json", SLICE_TEXT("{}"),
                                             err);
        assert_int_equal(sscanf(request_header(request, "Range"), "bytes=%llu-%llu", &first, &last), 2);
        assert_success(
                request_set_header(request, err, "ETag", "\"sha256:%s\"", sha256_hex(&world.digest, hex)),
                err);
        assert_success(request_set_header(request, err, "Content-Range", "bytes %llu-%llu/%llu", first, last,
                                          (unsigned long long)world.size),
                       err);
        return request_respond_stream(
                request, 206, "application/x-tar", last - first + 1,
                &(struct response_source){answer_read, free, answer_new(first, last - first + 1)}, err);
}

static int chunks_end(struct request *request, struct error *err)
{
        _cleanup_buffer_ struct buffer list = {0}, text = {0};
        char hex[SHA256_HEX_SIZE];

        if (world.status)
                return request_respond_bytes(request, world.status, "application/json", SLICE_TEXT("{}"),
                                             err);
        assert_success(chunk_list_write(&world.list, &list, err), err);
        assert_int_equal(buffer_printf(&text,
                                       "{\"checkpoint\":{\"id\":\"" ID
                                       "\",\"digest\":\"sha256:%s\",\"size\":%llu},%s",
                                       sha256_hex(&world.digest, hex), (unsigned long long)world.size,
                                       buffer_text(&list) + 1),
                         0);
        return request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

static int layers_end(struct request *request, struct error *err)
{
        _cleanup_buffer_ struct buffer text = {0};
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(buffer_append_text(&text, "{\"layers\":["), 0);
        for (unsigned i = 0; i < world.plan.members.count; i++) {
                struct sha256 digest = world.plan.layers[i].blob.digest;

                digest.bytes[0] ^= world.is_lying && i + 1 == world.plan.members.count;
                assert_int_equal(
                        buffer_printf(&text, "%s\"sha256:%s\"", i ? "," : "", sha256_hex(&digest, hex)), 0);
        }
        assert_int_equal(buffer_append_text(&text, "]}"), 0);
        return request_respond_bytes(request, 200, "application/json", buffer_slice(&text), err);
}

static int ticket_end_(struct request *request, struct error *err)
{
        pthread_mutex_lock(&world.lock);
        world.tickets++;
        pthread_mutex_unlock(&world.lock);
        return request_respond_status(request, 204, err);
}

static const struct handler handle_archive = {.end = archive_end}, handle_chunks = {.end = chunks_end},
                            handle_layers = {.end = layers_end}, handle_ticket = {.end = ticket_end_};
static const struct route routes[] = {
        {"GET", "/checkpoints/{id}/archive", &handle_archive, 0},
        {"GET", "/checkpoints/{id}/chunks", &handle_chunks, 0},
        {"GET", "/checkpoints/{id}/layers", &handle_layers, 0},
        {"DELETE", "/checkpoints/{id}/ticket", &handle_ticket, 0},
};

/* --- each test --------------------------------------------------------------------------------------------
 */

static void *scratch;

static void make_archive(void)
{
        _cleanup_buffer_ struct buffer tar = {0};
        _cleanup_archive_ struct archive *archive = NULL;
        uint8_t *pages = malloc(PAGES_SIZE);
        struct error err = {0};

        for (size_t i = 0; i < PAGES_SIZE; i += 4)
                store_le32(pages + i, (uint32_t)(i * 2654435761u));
        tarball_text(&tar, "config.dump", "{\"name\":\"shelf\"}");
        tarball_file(&tar, "checkpoint/pages-1.img", (struct slice){pages, PAGES_SIZE});
        tarball_text(&tar, "spec.dump", "{}");
        tarball_end(&tar);
        free(pages);
        write_bytes("archive", buffer_slice(&tar));
        world.size = tar.size;
        assert_success(sha256_of(buffer_slice(&tar), &world.digest, &err), &err);
        world.archive = open("archive", O_RDONLY | O_CLOEXEC);
        assert_success(chunk_list_make(world.archive, world.size, "archive", NULL, &world.list, &err), &err);
        assert_success(archive_open("archive", &archive, &err), &err);
        assert_success(image_plan_make(archive, &world.plan, &err), &err);
        assert_success(image_plan_hash(archive, &world.plan, NULL, &err), &err);
        assert_success(image_plan_describe(archive, &world.plan, &err), &err);
}

static void open_shelf(const char *listen)
{
        struct error err = {0};

        world.node = open_node(1, 10);
        assert_success(shelf_open(world.node, listen, &world.shelf, &err), &err);
}

static void close_shelf(void)
{
        shelf_stop(world.shelf, 1);
        shelf_free(world.shelf);
        node_free(world.node);
}

/* As another run of the agent. Where it listens is part of the image's name. */
static void reopen_shelf(void)
{
        char listen[64];

        snprintf(listen, sizeof(listen), "%.*s", (int)(strchr(world.image, '/') - world.image), world.image);
        close_shelf();
        open_shelf(listen);
}

static void offer(const char *more)
{
        _cleanup_json_ yyjson_doc *doc = NULL;
        _cleanup_buffer_ struct buffer text = {0};
        struct error err = {0};

        assert_int_equal(buffer_printf(&text,
                                       "{\"url\":\"http://%s\",\"id\":\"" ID
                                       "\",\"ticket\":\"secret\",\"patience\":2%s}",
                                       server_address(world.other), more),
                         0);
        assert_success(json_parse(buffer_slice(&text), "a test", &doc, &err), &err);
        free(world.image);
        assert_success(shelf_offer(world.shelf, yyjson_doc_get_root(doc), &world.image, &err), &err);
}

static int start(void **state)
{
        const struct server_options options = {
                .listen = "127.0.0.1:0", .routes = routes, .route_count = ARRAY_SIZE(routes)};
        struct error err = {0};
        char here[4096];

        if (scratch_setup(&scratch) < 0 || !getcwd(here, sizeof(here)) ||
            setenv("XDG_CACHE_HOME", here, 1) < 0)
                return -1;
        world.is_closed = world.has_expired = world.is_lying = false;
        world.breaks = world.status = world.tickets = 0;
        world.sent = world.seen_early = 0;
        world.flip = -1;
        make_archive();
        assert_success(server_start(&options, &world.other, &err), &err);
        open_shelf("127.0.0.1:0");
        offer("");
        return 0;
}

static int stop(void **state)
{
        close_shelf();
        server_free(world.other);
        chunk_list_free(&world.list);
        image_plan_free(&world.plan);
        world.plan = (struct image_plan){0};
        close(world.archive);
        free(steal_ptr(world.image));
        return scratch_teardown(&scratch);
}

/* --- a runtime --------------------------------------------------------------------------------------------
 */

struct pulled {
        unsigned status;
        uint64_t size;
        struct sha256 digest;
        struct buffer text; /* of an answer that is no success, or small */
};

struct pull {
        struct pulled *out;
        struct sha256_stream *hash;
};

static int take(void *context, const struct http_response *response, struct slice bytes, struct error *err)
{
        struct pull *pull = context;

        pull->out->size += bytes.size;
        if (world.is_closed && pull->out->size >= 4 * MIB) {
                world.seen_early = pull->out->size;
                open_gate();
        }
        if (pull->out->text.size < 64 * KIB && buffer_append(&pull->out->text, bytes.data, bytes.size) < 0)
                return error_oom(err);
        return sha256_update(pull->hash, bytes.data, bytes.size);
}

/* What http_client_send() returns. */
static int pull(const char *kind, const char *name, const char *range, struct pulled *out)
{
        _cleanup_http_client_ struct http_client *client = NULL;
        _cleanup_http_response_ struct http_response response = {0};
        _cleanup_buffer_ struct buffer url = {0};
        const char *headers[] = {range, NULL};
        struct pull pull = {out, NULL};
        struct http_request request = {.method = "GET", .headers = headers, .sink = take, .context = &pull};
        const char *slash = strchr(world.image, '/');
        struct error err = {0};
        int ret;

        buffer_free(&out->text);
        *out = (struct pulled){0};
        assert_success(sha256_new(&pull.hash, &err), &err);
        assert_int_equal(buffer_printf(&url, "http://%.*s/v2/checkpoint/" LOWER_ID "/%s/%s",
                                       (int)(slash - world.image), world.image, kind, name),
                         0);
        request.url = buffer_text(&url);
        assert_success(http_client_new(&(struct http_client_options){.stall_seconds = 120}, &client, &err),
                       &err);
        ret = http_client_send(client, &request, &response, &err);
        out->status = response.status;
        if (response.body.size)
                assert_int_equal(buffer_append(&out->text, response.body.data, response.body.size), 0);
        assert_success(sha256_finish(pull.hash, &out->digest), &err);
        sha256_free(pull.hash);
        return ret;
}

static int pull_layer(unsigned layer, const char *range, struct pulled *out)
{
        char name[7 + SHA256_HEX_SIZE] = "sha256:";
        struct sha256 digest = world.plan.layers[layer].blob.digest;

        digest.bytes[0] ^= world.is_lying && layer + 1 == world.plan.members.count;
        sha256_hex(&digest, name + 7);
        return pull("blobs", name, range, out);
}

static void assert_manifest(void)
{
        struct pulled pulled = {0};

        assert_int_equal(pull("manifests", "latest", NULL, &pulled), 0);
        assert_int_equal(pulled.status, 200);
        assert_int_equal(pulled.text.size, world.plan.manifest.size);
        assert_memory_equal(pulled.text.data, world.plan.manifest.data, pulled.text.size);
        buffer_free(&pulled.text);
}

static void assert_layer(unsigned layer)
{
        struct pulled pulled = {0};

        assert_int_equal(pull_layer(layer, NULL, &pulled), 0);
        assert_int_equal(pulled.status, 200);
        assert_int_equal(pulled.size, world.plan.layers[layer].blob.size);
        assert_true(sha256_equal(&pulled.digest, &world.plan.layers[layer].blob.digest));
        buffer_free(&pulled.text);
}

static void assert_config(void)
{
        char name[7 + SHA256_HEX_SIZE] = "sha256:";
        struct pulled pulled = {0};
        struct sha256 digest;

        assert_int_equal(sha256_of(buffer_slice(&world.plan.config), &digest, NULL), 0);
        sha256_hex(&digest, name + 7);
        assert_int_equal(pull("blobs", name, NULL, &pulled), 0);
        assert_true(sha256_equal(&pulled.digest, &digest));
        buffer_free(&pulled.text);
}

static void assert_pulled(void)
{
        assert_manifest();
        assert_config();
        for (unsigned i = 0; i < world.plan.members.count; i++)
                assert_layer(i);
}

static bool is_offer_open(void)
{
        _cleanup_offer_ struct offer *offer = NULL;

        return catalog_get_offer(node_catalog(world.node), LOWER_ID, &offer, NULL) == 0 && *offer->request;
}

/* Asking for it would say that somebody relies on it. */
static bool is_collected(void)
{
        char path[256], hex[SHA256_HEX_SIZE];

        sha256_hex(&world.plan.layers[1].blob.digest, hex);
        snprintf(path, sizeof(path), "state/registry/blobs/sha256/%.2s/%s", hex, hex);
        return access(path, F_OK) < 0;
}

/* Whatever is done beside: the end of the last layer, the grace time of a second. */
static void wait_until(bool (*is_so)(void), bool value)
{
        for (int i = 0; i < 600 && is_so() != value; i++) {
                shelf_collect(world.shelf, 0);
                usleep(100000);
        }
        assert_int_equal(is_so(), value);
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

static void test_a_layer_is_given_while_it_comes(void **state)
{
        assert_manifest();
        world.is_closed = true;
        assert_layer(1);
        assert_false(world.has_expired);
        assert_true(world.seen_early >= 4 * MIB && world.seen_early < GATE);
        assert_layer(0);
}

static void test_each_byte_comes_once_and_stays(void **state)
{
        assert_pulled();
        wait_until(is_offer_open, false);
        assert_int_equal(world.tickets, 1);
        assert_true(world.sent <= world.size + 2 * CHUNK_SIZE_MIN); /* what config and manifest are made of */
        /* Nobody is asked any more, and another run has it, too. */
        world.status = 404;
        assert_pulled();
        reopen_shelf();
        assert_pulled();
}

static void test_goes_on_after_breaks(void **state)
{
        assert_manifest();
        world.breaks = 2;
        assert_layer(1);
        assert_int_equal(world.breaks, 0);
        assert_true(world.sent <= world.size + 4 * CHUNK_SIZE_MIN);
}

static void test_who_was_broken_off_gets_the_rest(void **state)
{
        struct pulled pulled = {0};
        uint64_t size = world.plan.layers[1].blob.size;
        char range[64];

        assert_manifest();
        snprintf(range, sizeof(range), "Range: bytes=%llu-", (unsigned long long)(size - 5 * MIB));
        assert_int_equal(pull_layer(1, range, &pulled), 0);
        assert_int_equal(pulled.status, 206);
        assert_int_equal(pulled.size, 5 * MIB);
        buffer_free(&pulled.text);
}

static void assert_refused(const char *code)
{
        struct pulled pulled = {0};

        assert_int_equal(pull("manifests", "latest", NULL, &pulled), 0);
        assert_int_not_equal(pulled.status, 200);
        assert_non_null(strstr(buffer_text(&pulled.text), code));
        buffer_free(&pulled.text);
}

static void test_a_wrong_byte_ends_the_connection(void **state)
{
        struct pulled pulled = {0};

        assert_manifest();
        world.flip = 10 * MIB;
        assert_true(pull_layer(1, NULL, &pulled) < 0);
        assert_true(pulled.size <= 2 * CHUNK_SIZE_MIN);
        buffer_free(&pulled.text);
        assert_refused("SNAP-684");
        /* It may be offered again. */
        world.flip = -1;
        offer("");
        assert_pulled();
}

static void test_a_layer_without_its_digest_has_no_last_byte(void **state)
{
        struct pulled pulled = {0};

        world.is_lying = true;
        assert_int_equal(pull("manifests", "latest", NULL, &pulled), 0);
        assert_int_equal(pulled.status, 200);
        assert_true(pull_layer(1, NULL, &pulled) < 0);
        assert_true(pulled.size < world.plan.layers[1].blob.size);
        buffer_free(&pulled.text);
        assert_refused("SNAP-");
}

static void test_an_offer_outlives_the_agent(void **state)
{
        reopen_shelf();
        assert_true(is_offer_open());
        assert_pulled();
}

static void test_an_offer_that_is_over_goes_with_its_image(void **state)
{
        offer(",\"seconds\":1");
        assert_pulled();
        assert_false(is_collected());
        wait_until(is_collected, true);
        assert_refused("MANIFEST_UNKNOWN");
        assert_false(is_offer_open());
}

/* It is pushed to the shelf by the shelf, which is asked for it meanwhile. */
static void test_an_archive_here_becomes_an_image(void **state)
{
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        struct error err = {0};
        char here[4096];

        assert_success(checkpoint_new(&checkpoint, &err), &err);
        assert_non_null(getcwd(here, sizeof(here)));
        free(checkpoint->path);
        assert_true(asprintf(&checkpoint->path, "%s/archive", here) > 0);
        (void)text_set(&checkpoint->id, ID);
        (void)text_set(&checkpoint->state, "completed");
        assert_success(catalog_put_checkpoint(node_catalog(world.node), checkpoint, &err), &err);
        assert_success(catalog_remove_offer(node_catalog(world.node), LOWER_ID, &err), &err);
        world.status = 404;
        assert_pulled();
        assert_int_equal(world.sent, 0);
        /* As long as the archive is here, and there is room. */
        shelf_collect(world.shelf, 0);
        assert_manifest();
        world.node->options.reserve = UINT64_MAX / 2;
        wait_until(is_collected, true);
        world.node->options.reserve = 1;
        assert_pulled();
        assert_success(catalog_remove_checkpoint(node_catalog(world.node), ID, &err), &err);
        wait_until(is_collected, true);
        assert_refused("MANIFEST_UNKNOWN");
}

static void test_a_disk_that_is_full_is_said_before(void **state)
{
        struct pulled pulled = {0};

        assert_manifest();
        world.node->options.reserve = UINT64_MAX / 2;
        assert_int_equal(pull_layer(1, NULL, &pulled), 0);
        assert_int_equal(pulled.status, 507);
        buffer_free(&pulled.text);
        world.node->options.reserve = 1;
        assert_layer(1);
        assert_int_equal(world.node->claimed, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_layer_is_given_while_it_comes, start, stop),
                cmocka_unit_test_setup_teardown(test_each_byte_comes_once_and_stays, start, stop),
                cmocka_unit_test_setup_teardown(test_goes_on_after_breaks, start, stop),
                cmocka_unit_test_setup_teardown(test_who_was_broken_off_gets_the_rest, start, stop),
                cmocka_unit_test_setup_teardown(test_a_wrong_byte_ends_the_connection, start, stop),
                cmocka_unit_test_setup_teardown(test_a_layer_without_its_digest_has_no_last_byte, start,
                                                stop),
                cmocka_unit_test_setup_teardown(test_an_offer_outlives_the_agent, start, stop),
                cmocka_unit_test_setup_teardown(test_an_offer_that_is_over_goes_with_its_image, start, stop),
                cmocka_unit_test_setup_teardown(test_an_archive_here_becomes_an_image, start, stop),
                cmocka_unit_test_setup_teardown(test_a_disk_that_is_full_is_said_before, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
