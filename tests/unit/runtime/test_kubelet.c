/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet's side is played by our own server over TLS, with the faults of the real one; the calls are
 * made by a real courier. */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include "base/file.h"
#include "net/server.h"
#include "runtime/courier.h"
#include "runtime/kubelet.h"
#include "runtime/runtime.h"

#define PREFIX    "checkpoint-web_default-nginx-"
#define ARCHIVE   PREFIX "2026-11-24T10:00:00Z.tar"
#define ANSWER_MS 20000

/* What the next request does. */
static struct {
        unsigned status;
        const char *body;   /* NULL: the archive's path */
        const char *leaves; /* a file that it writes */
        unsigned pause_ms;
        char authorization[64], path[128];
} play;

static char directory[PATH_MAX];

static void file_make(const char *path, const char *text)
{
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static int checkpoint_end(struct request *request, struct error *err)
{
        char body[PATH_MAX + 32];

        snprintf(play.authorization, sizeof(play.authorization), "%s",
                 request_header(request, "Authorization") ?: "");
        snprintf(play.path, sizeof(play.path), "%s %s", request_method(request), request_path(request));
        usleep(play.pause_ms * 1000);
        if (play.leaves)
                file_make(play.leaves, "archive");
        snprintf(body, sizeof(body), "{\"items\":[\"%.4000s/%s\"]}", directory, ARCHIVE);
        return request_respond_bytes(request, play.status, "application/json",
                                     SLICE_TEXT(play.body ? play.body : body), err);
}

static const struct handler checkpoint = {.end = checkpoint_end};
static const struct route routes[] = {{"POST", "/checkpoint/{namespace}/{pod}/{container}", &checkpoint, 0}};

struct fixture {
        struct server *server;
        struct errand errand;
        struct courier *courier;
};

static void fixture_start(struct fixture *f)
{
        struct server_options options = {.listen = "127.0.0.1:0",
                                         .certificate = "certificate",
                                         .key = "key",
                                         .routes = routes,
                                         .route_count = 1};
        struct error err = {0};

        memset(f, 0, sizeof(*f));
        memset(&play, 0, sizeof(play));
        play.status = 200;
        assert_int_equal(
                system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key -out certificate "
                       "-subj /CN=kubelet -addext subjectAltName=IP:127.0.0.1 2> /dev/null"),
                0);
        assert_int_equal(mkdir("kept", 0700), 0);
        assert_non_null(realpath("kept", directory));
        file_make("token", "first\n");
        assert_success(server_start(&options, &f->server, &err), &err);
        f->errand.kind = ERRAND_KUBELET;
        strcpy(f->errand.name, "default/web/nginx");
        snprintf(f->errand.url, sizeof(f->errand.url), "https://%s/checkpoint/default/web/nginx",
                 server_address(f->server));
        assert_non_null(realpath("certificate", f->errand.ca));
        assert_non_null(realpath("token", f->errand.token_file));
        strcpy(f->errand.directory, directory);
        strcpy(f->errand.prefix, PREFIX);
        snprintf(f->errand.location, sizeof(f->errand.location), "%.4000s/ours.tar", directory);
}

static void fixture_end(struct fixture *f)
{
        courier_freep(&f->courier);
        server_free(f->server);
}

static int call(struct fixture *f, struct error *err)
{
        int lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;

        courier_freep(&f->courier);
        f->courier = NULL;
        assert_success(courier_send(&f->errand, lock, lock, &f->courier, err), err);
        close(lock);
        r = courier_wait(f->courier, ANSWER_MS, err);
        assert_int_not_equal(r, 0);
        return r;
}

static void test_call(void **state)
{
        struct error err = {0};
        struct fixture f;

        fixture_start(&f);
        play.leaves = "kept/" ARCHIVE;
        assert_success(call(&f, &err), &err);
        assert_int_equal(access("kept/ours.tar", F_OK), 0);
        /* It is not where the kubelet would write the next one. */
        assert_int_equal(access("kept/" ARCHIVE, F_OK), -1);
        assert_string_equal(play.path, "POST /checkpoint/default/web/nginx");
        assert_string_equal(play.authorization, "Bearer first");
        /* Tokens are replaced now and then. */
        file_make("token", "second");
        assert_success(call(&f, &err), &err);
        assert_string_equal(play.authorization, "Bearer second");
        fixture_end(&f);
}

static void test_untrusted(void **state)
{
        struct error err = {0};
        struct fixture f;

        fixture_start(&f);
        f.errand.ca[0] = '\0';
        assert_error(call(&f, &err), &err, ERROR_TLS_UNTRUSTED);
        assert_string_equal(play.authorization, "");
        fixture_end(&f);
}

static void test_refusals(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
                const struct error_kind *kind;
        } refusals[] = {
                {401, "Unauthorized", &ERROR_HTTP_UNAUTHENTICATED},
                {403, "Forbidden (user=x, verb=create, resource=nodes, subresource(s)=[checkpoint])",
                 &ERROR_HTTP_FORBIDDEN},
                {404, "pod does not exist\n", &ERROR_CONTAINER_NOT_FOUND},
                {500, "checkpointing of default/web/nginx failed (container nginx not found)",
                 &ERROR_RUNTIME_FAILED},
                {500, "checkpointing failed: write /x: no space left on device", &ERROR_NO_SPACE},
        };
        struct error err = {0};
        char words[64];
        struct fixture f;

        fixture_start(&f);
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                play.status = refusals[i].status;
                play.body = refusals[i].body;
                assert_error(call(&f, &err), &err, *refusals[i].kind);
                /* In the kubelet's own words. */
                snprintf(words, sizeof(words), "%.*s", (int)strcspn(play.body, "\n"), play.body);
                assert_non_null(strstr(err.text, words));
        }
        fixture_end(&f);
}

static void test_leftovers(void **state)
{
        struct error err = {0};
        struct fixture f;

        fixture_start(&f);
        file_make("kept/" PREFIX "2026-11-24T09:00:00Z.tar", "of somebody else, from before");
        play.status = 500;
        play.body = "checkpointing failed";
        play.leaves = "kept/" ARCHIVE;
        assert_error(call(&f, &err), &err, ERROR_RUNTIME_FAILED);
        assert_int_equal(access("kept/" ARCHIVE, F_OK), -1);
        play.leaves = "kept/checkpoint-web_default-other-2026-11-24T10:00:00Z.tar";
        assert_error(call(&f, &err), &err, ERROR_RUNTIME_FAILED);
        assert_int_equal(access(play.leaves, F_OK), 0);
        assert_int_equal(access("kept/" PREFIX "2026-11-24T09:00:00Z.tar", F_OK), 0);
        fixture_end(&f);
}

/* Who gives up, gives up; the call is made to its end all the same, and what it brought is removed. */
static void test_given_up(void **state)
{
        struct error err = {0};
        struct fixture f;
        int lock = -1;

        fixture_start(&f);
        play.leaves = "kept/" ARCHIVE;
        play.pause_ms = 500;
        lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_success(courier_send(&f.errand, lock, lock, &f.courier, &err), &err);
        assert_int_equal(courier_wait(f.courier, 50, &err), 0);
        courier_freep(&f.courier);
        f.courier = NULL;
        for (int i = 0; i < 1000 && access("kept/" ARCHIVE, F_OK) < 0; i++)
                usleep(5000);
        for (int i = 0;
             i < 1000 && (access("kept/" ARCHIVE, F_OK) == 0 || access("kept/ours.tar", F_OK) == 0); i++)
                usleep(5000);
        assert_int_equal(access("kept/" ARCHIVE, F_OK), -1);
        assert_int_equal(access("kept/ours.tar", F_OK), -1);
        close(lock);
        fixture_end(&f);
}

static void test_answers(void **state)
{
        static const char *const bad[] = {
                "",
                "{}",
                "{\"items\":[]}",
                "{\"items\":\"/d/checkpoint-a\"}",
                "{\"items\":[7]}",
                "{\"items\":[\"/d/checkpoint-a\",\"/d/checkpoint-b\"]}",
                "{\"items\":[\"checkpoint-a\"]}",
                "{\"items\":[\"/d/../checkpoint-a\"]}",
                "{\"items\":[\"/d/x/checkpoint-a\"]}",
                "{\"items\":[\"/d/other-a\"]}",
                "{\"items\":[\"/d/checkpoint-a\\u0000b\"]}",
        };
        struct error err = {0};
        char path[PATH_MAX];

        assert_success(kubelet_read_answer(SLICE_TEXT("{\"items\":[\"/d/checkpoint-a.tar\"]}"), "/d",
                                           "checkpoint-a", path, &err),
                       &err);
        assert_string_equal(path, "/d/checkpoint-a.tar");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_true(kubelet_read_answer(SLICE_TEXT(bad[i]), "/d", "checkpoint-a", path, &err) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_call, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_untrusted, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_refusals, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_leftovers, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(test_given_up, scratch_setup, scratch_teardown),
                cmocka_unit_test(test_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
