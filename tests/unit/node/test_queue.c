/* SPDX-License-Identifier: Apache-2.0 */
#include "open_node.h"

#include <signal.h>
#include <sys/resource.h>

/* A kind of operation that does as its request says, and notes when. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        char order[64]; /* names in the order in which they began */
        size_t count;
        int at_work, most_at_work;
        bool held; /* they wait until that ends */
} notes = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void notes_clear(bool held)
{
        pthread_mutex_lock(&notes.lock);
        memset(notes.order, 0, sizeof(notes.order));
        notes.count = 0;
        notes.at_work = notes.most_at_work = 0;
        notes.held = held;
        pthread_mutex_unlock(&notes.lock);
}

static void release(void)
{
        pthread_mutex_lock(&notes.lock);
        notes.held = false;
        pthread_cond_broadcast(&notes.changed);
        pthread_mutex_unlock(&notes.lock);
}

static void wait_for_begun(size_t count)
{
        pthread_mutex_lock(&notes.lock);
        while (notes.count < count)
                pthread_cond_wait(&notes.changed, &notes.lock);
        pthread_mutex_unlock(&notes.lock);
}

static int check(struct node *node, struct operation *operation, struct error *err)
{
        if (strstr(operation->request, "refuse"))
                return error_set(err, &ERROR_BAD_INPUT, -EINVAL, "refused");
        return text_set(&operation->namespace, "default");
}

static int keys(struct job *job, struct buffer *out, struct error *err)
{
        const char *key = json_text(job_request(job), "key"), *other = json_text(job_request(job), "other");
        int r = key ? buffer_append(out, key, strlen(key) + 1) : 0;

        return r == 0 && other ? buffer_append(out, other, strlen(other) + 1) : r;
}

/* Until it is released or, where the request says so, cancelled. */
static int work(struct job *job, struct error *err)
{
        bool patient = !json_bool_or(job_request(job), "cancel", false);
        int r = job_enter(job, PHASE_DUMP, NULL, err);

        pthread_mutex_lock(&notes.lock);
        notes.order[notes.count++ % sizeof(notes.order)] = *json_text_or(job_request(job), "name", "?");
        notes.at_work++;
        if (notes.at_work > notes.most_at_work)
                notes.most_at_work = notes.at_work;
        pthread_cond_broadcast(&notes.changed);
        while (r == 0 && notes.held && (patient || !progress_cancelled(job_progress(job)))) {
                struct timespec soon;

                clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_nsec += 5000000;
                if (soon.tv_nsec >= 1000000000) {
                        soon.tv_nsec -= 1000000000;
                        soon.tv_sec++;
                }
                pthread_cond_timedwait(&notes.changed, &notes.lock, &soon);
        }
        notes.at_work--;
        pthread_mutex_unlock(&notes.lock);
        progress_step(job_progress(job), "dump", 1, 2);
        if (r == 0)
                r = job_enter(job, PHASE_VERIFY, NULL, err);
        if (r == 0 && json_bool_or(job_request(job), "fail", false))
                r = error_set(err, &ERROR_IO, -EIO, "as it was told");
        return r < 0 ? r : job_enter(job, PHASE_COMMIT, NULL, err);
}

static const struct job_kind test_kind = {"test", check, keys, work, NULL};

static void submit(struct node *node, int priority, const char *body, char id[UNIQUE_ID_SIZE])
{
        const struct node_request request = {"test", "somebody", priority, SLICE_TEXT(body)};
        struct error err = {0};

        assert_success(node_submit_kind(node, &test_kind, &request, id, &err), &err);
}

static enum operation_phase wait_end(struct node *node, const char *id)
{
        _cleanup_operation_ struct operation *operation = NULL;
        struct error err = {0};

        assert_success(node_wait(node, id, &operation, &err), &err);
        return operation->phase;
}

static void the_more_important_first(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        char ids[6][UNIQUE_ID_SIZE];

        notes_clear(true);
        submit(node, 0, "{\"name\":\"a\"}", ids[0]);
        wait_for_begun(1);
        submit(node, 0, "{\"name\":\"b\"}", ids[1]);
        submit(node, -1, "{\"name\":\"c\"}", ids[2]);
        submit(node, 5, "{\"name\":\"d\"}", ids[3]);
        submit(node, 0, "{\"name\":\"e\"}", ids[4]);
        submit(node, 5, "{\"name\":\"f\"}", ids[5]);
        release();
        for (int i = 0; i < 6; i++)
                assert_int_equal(wait_end(node, ids[i]), PHASE_DONE);
        assert_string_equal(notes.order, "adfbec");
        assert_int_equal(notes.most_at_work, 1);
}

static void one_at_a_time_for_each_key(void **state)
{
        _cleanup_node_ struct node *node = open_node(4, 0);
        char ids[12][UNIQUE_ID_SIZE];

        notes_clear(true);
        for (int i = 0; i < 10; i++)
                submit(node, 0, "{\"name\":\"k\",\"key\":\"same\"}", ids[i]);
        wait_for_begun(1);
        submit(node, 0, "{\"name\":\"o\",\"key\":\"other\"}", ids[10]);
        submit(node, 0, "{\"name\":\"n\"}", ids[11]);
        /* They overtake those that wait for the key. */
        wait_for_begun(3);
        assert_int_equal(notes.count, 3);
        assert_non_null(strchr(notes.order, 'o'));
        assert_non_null(strchr(notes.order, 'n'));
        release();
        for (int i = 0; i < 12; i++)
                assert_int_equal(wait_end(node, ids[i]), PHASE_DONE);
        assert_true(notes.most_at_work <= 3);
}

/* One that needs two is not overtaken by those that came later and need one of them. */
static void who_needs_much_has_its_turn(void **state)
{
        _cleanup_node_ struct node *node = open_node(2, 0);
        char ids[4][UNIQUE_ID_SIZE];

        notes_clear(true);
        submit(node, 0, "{\"name\":\"1\",\"key\":\"x\"}", ids[0]);
        wait_for_begun(1);
        submit(node, 0, "{\"name\":\"2\",\"key\":\"x\",\"other\":\"y\"}", ids[1]);
        submit(node, 0, "{\"name\":\"3\",\"key\":\"y\"}", ids[2]);
        submit(node, 1, "{\"name\":\"4\",\"key\":\"y\"}", ids[3]);
        /* The more important one may. */
        wait_for_begun(2);
        release();
        for (int i = 0; i < 4; i++)
                assert_int_equal(wait_end(node, ids[i]), PHASE_DONE);
        assert_string_equal(notes.order, "1423");
}

static void cancelled_while_it_waits_and_while_it_runs(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        char running[UNIQUE_ID_SIZE], waiting[UNIQUE_ID_SIZE];
        struct error err = {0};

        notes_clear(true);
        submit(node, 0, "{\"name\":\"r\",\"cancel\":true}", running);
        wait_for_begun(1);
        submit(node, 0, "{\"name\":\"w\"}", waiting);
        assert_success(node_cancel(node, waiting, &err), &err);
        assert_int_equal(wait_end(node, waiting), PHASE_CANCELLED);
        assert_success(node_cancel(node, running, &err), &err);
        assert_int_equal(wait_end(node, running), PHASE_CANCELLED);
        assert_string_equal(notes.order, "r");
        assert_int_equal(node_cancel(node, running, &err), -EALREADY);
        assert_ptr_equal(err.kind, &ERROR_OPERATION_ENDED);
        assert_error(node_cancel(node, "01M00000000000000000000000", &err), &err, ERROR_OPERATION_NOT_FOUND);
}

static void no_more_than_the_queue_holds(void **state)
{
        const struct node_request request = {"test", "", 0, SLICE_TEXT("{}")};
        _cleanup_node_ struct node *node = open_node(1, 2);
        char ids[3][UNIQUE_ID_SIZE], id[UNIQUE_ID_SIZE];
        struct error err = {0};

        notes_clear(true);
        submit(node, 0, "{}", ids[0]);
        wait_for_begun(1);
        submit(node, 0, "{}", ids[1]);
        submit(node, 0, "{}", ids[2]);
        assert_error(node_submit_kind(node, &test_kind, &request, id, &err), &err, ERROR_QUEUE_FULL);
        assert_int_equal(err.kind->http_status, 429);
        assert_error(node_ready(node, &err), &err, ERROR_QUEUE_FULL);
        release();
        for (int i = 0; i < 3; i++)
                assert_int_equal(wait_end(node, ids[i]), PHASE_DONE);
        assert_success(node_ready(node, &err), &err);
}

static void bad_requests_leave_nothing(void **state)
{
        static const char *const bodies[] = {"", "[]", "{", "null", "{\"name\":\"refuse\"}"};
        _cleanup_node_ struct node *node = open_node(1, 1);
        _cleanup_operation_list_ struct operation_list list = {0};
        _cleanup_free_ char *large = malloc(100 * KIB);
        struct node_request request = {"test", "", 0, {0}};
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};

        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
                request.body = SLICE_TEXT(bodies[i]);
                assert_true(node_submit_kind(node, &test_kind, &request, id, &err) < 0);
                assert_int_equal(err.kind->http_status, 400);
        }
        memset(large, ' ', 100 * KIB);
        request.body = (struct slice){(uint8_t *)large, 100 * KIB};
        assert_error(node_submit_kind(node, &test_kind, &request, id, &err), &err, ERROR_BAD_INPUT);
        request.body = (struct slice){(const uint8_t *)"{\"a\":\0}", 7};
        assert_error(node_submit_kind(node, &test_kind, &request, id, &err), &err, ERROR_BAD_INPUT);
        request.kind = "no such kind";
        assert_error(node_submit(node, &request, id, &err), &err, ERROR_BAD_INPUT);
        assert_success(catalog_list_operations(node_catalog(node), false, 0, &list, &err), &err);
        assert_int_equal(list.count, 0);
        assert_success(node_ready(node, &err), &err);
}

/* Phases in their order, none after the end. Steps between may be left out. */
static void who_watches_sees_the_end(void **state)
{
        _cleanup_node_ struct node *node = open_node(2, 0);
        enum operation_phase last = PHASE_QUEUED;
        uint64_t version = 0, all = 0;
        char ids[20][UNIQUE_ID_SIZE];
        unsigned ends = 0;
        struct error err = {0};

        notes_clear(true);
        for (int i = 0; i < 20; i++)
                submit(node, 0, i == 7 ? "{\"fail\":true}" : "{}", ids[i]);
        release();
        while (!operation_phase_is_last(last)) {
                _cleanup_operation_ struct operation *operation = NULL;
                uint64_t before = version;

                assert_success(node_watch(node, ids[7], &version, 10000, &operation, &err), &err);
                assert_non_null(operation);
                assert_true(version > before);
                assert_true(operation->phase >= last);
                last = operation->phase;
        }
        assert_int_equal(last, PHASE_FAILED);
        while (ends < 20) {
                _cleanup_operation_ struct operation *operation = NULL;

                assert_success(node_watch(node, NULL, &all, 10000, &operation, &err), &err);
                assert_non_null(operation);
                ends += operation_phase_is_last(operation->phase);
        }
        for (int i = 0; i < 2; i++) {
                _cleanup_operation_ struct operation *none = NULL;

                assert_success(node_watch(node, i ? NULL : ids[7], i ? &all : &version, 1, &none, &err),
                               &err);
                assert_null(none);
        }
}

static void the_end_of_another_run_is_seen(void **state)
{
        struct node *node = open_node(1, 0);
        _cleanup_operation_ struct operation *operation = NULL, *none = NULL;
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};
        uint64_t version = 0;

        notes_clear(false);
        submit(node, 0, "{}", id);
        wait_end(node, id);
        node_free(node);
        node = open_node(1, 0);
        assert_success(node_watch(node, id, &version, 10000, &operation, &err), &err);
        assert_int_equal(operation->phase, PHASE_DONE);
        assert_success(node_watch(node, id, &version, 1, &none, &err), &err);
        assert_null(none);
        assert_error(node_watch(node, "01M00000000000000000000000", &version, 1, &none, &err), &err,
                     ERROR_OPERATION_NOT_FOUND);
        node_free(node);
}

static void an_end_cancels_what_waits_and_then_what_runs(void **state)
{
        struct node *node = open_node(1, 0);
        _cleanup_operation_list_ struct operation_list list = {0};
        const struct node_request request = {"test", "", 0, SLICE_TEXT("{}")};
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};

        notes_clear(true);
        submit(node, 0, "{\"cancel\":true}", id);
        wait_for_begun(1);
        submit(node, 0, "{}", id);
        submit(node, 0, "{}", id);
        node_stop(node, 0);
        assert_error(node_submit_kind(node, &test_kind, &request, id, &err), &err, ERROR_QUEUE_FULL);
        assert_success(catalog_list_operations(node_catalog(node), false, 0, &list, &err), &err);
        assert_int_equal(list.count, 3);
        for (size_t i = 0; i < list.count; i++)
                assert_int_equal(list.items[i]->phase, PHASE_CANCELLED);
        node_free(node);
}

static const struct job_kind lasting_kind = {
        .name = "test", .check = check, .run = work, .goes_on = true, .secret = "ticket"};

static void submit_lasting(struct node *node, char id[UNIQUE_ID_SIZE])
{
        const struct node_request request = {"test", "", 0, SLICE_TEXT("{\"cancel\":true,\"ticket\":\"x\"}")};
        struct error err = {0};

        assert_success(node_submit_kind(node, &lasting_kind, &request, id, &err), &err);
}

/* Though there would be time for it to end. */
static void an_end_leaves_what_goes_on_later(void **state)
{
        struct node *node = open_node(1, 0);
        _cleanup_operation_list_ struct operation_list list = {0};
        char id[UNIQUE_ID_SIZE];
        struct error err = {0};

        notes_clear(true);
        submit_lasting(node, id);
        wait_for_begun(1);
        submit_lasting(node, id);
        node_stop(node, 3600);
        assert_success(catalog_list_operations(node_catalog(node), true, 0, &list, &err), &err);
        assert_int_equal(list.count, 2);
        assert_int_equal(list.items[0]->phase, PHASE_DUMP);
        assert_int_equal(list.items[1]->phase, PHASE_QUEUED);
        for (size_t i = 0; i < list.count; i++)
                assert_non_null(strstr(list.items[i]->request, "ticket"));
        node_free(node);
}

static void a_secret_is_forgotten_at_the_end(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_operation_ struct operation *first = NULL, *second = NULL;
        char running[UNIQUE_ID_SIZE], waiting[UNIQUE_ID_SIZE];
        struct error err = {0};

        notes_clear(true);
        submit_lasting(node, running);
        wait_for_begun(1);
        submit_lasting(node, waiting);
        assert_success(node_cancel(node, waiting, &err), &err);
        assert_success(catalog_get_operation(node_catalog(node), running, &first, &err), &err);
        assert_non_null(strstr(first->request, "ticket"));
        operation_free(steal_ptr(first));
        release();
        assert_int_equal(wait_end(node, running), PHASE_DONE);
        assert_success(catalog_get_operation(node_catalog(node), running, &first, &err), &err);
        assert_success(catalog_get_operation(node_catalog(node), waiting, &second, &err), &err);
        assert_int_equal(second->phase, PHASE_CANCELLED);
        assert_string_equal(first->request, "{\"cancel\":true}");
        assert_string_equal(second->request, "{\"cancel\":true}");
}

/* While the journal cannot be written nothing begins; the end of what ran is kept in memory, and written as
 * soon as there is room. */
static void without_room_for_the_journal(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        _cleanup_operation_ struct operation *operation = NULL, *saved = NULL;
        const struct node_request request = {"test", "", 0, SLICE_TEXT("{}")};
        struct rlimit before, none = {0};
        char id[UNIQUE_ID_SIZE], other[UNIQUE_ID_SIZE];
        struct error err = {0};

        signal(SIGXFSZ, SIG_IGN);
        notes_clear(true);
        submit(node, 0, "{}", id);
        wait_for_begun(1);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        release();
        assert_success(node_wait(node, id, &operation, &err), &err);
        assert_int_equal(operation->phase, PHASE_FAILED);
        assert_string_equal(operation->error_code, ERROR_NO_SPACE.code);
        assert_int_equal(node_submit_kind(node, &test_kind, &request, other, &err), -ENOSPC);
        assert_error(node_ready(node, &err), &err, ERROR_CATALOG);
        assert_int_equal(node_cancel(node, id, &err), -EALREADY);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_success(node_ready(node, &err), &err);
        assert_success(catalog_get_operation(node_catalog(node), id, &saved, &err), &err);
        assert_int_equal(saved->phase, PHASE_FAILED);
}

static void two_nodes_in_one_place(void **state)
{
        _cleanup_node_ struct node *node = open_node(1, 0);
        struct node_options options = *node_options(node);
        struct node *other = NULL;
        struct error err = {0};

        assert_error(node_open(&options, &other, &err), &err, ERROR_BUSY);
        assert_null(other);
}

static void *submit_many(void *argument)
{
        struct node *node = argument;

        for (int i = 0; i < 25; i++) {
                const struct node_request request = {"test", "", i % 3,
                                                     SLICE_TEXT(i % 2 ? "{\"key\":\"one\"}" : "{}")};
                char id[UNIQUE_ID_SIZE];
                _cleanup_operation_ struct operation *operation = NULL;

                if (node_submit_kind(node, &test_kind, &request, id, NULL) < 0)
                        return node;
                if (i % 5 == 4)
                        (void)node_cancel(node, id, NULL);
                if (i % 2 &&
                    (node_wait(node, id, &operation, NULL) < 0 || !operation_phase_is_last(operation->phase)))
                        return node;
        }
        return NULL;
}

static void many_at_once(void **state)
{
        _cleanup_node_ struct node *node = open_node(3, 0);
        pthread_t threads[4];

        notes_clear(false);
        notes.count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, submit_many, node), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
                void *failed;

                pthread_join(threads[i], &failed);
                assert_null(failed);
        }
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(the_more_important_first),
                IN_SCRATCH(one_at_a_time_for_each_key),
                IN_SCRATCH(who_needs_much_has_its_turn),
                IN_SCRATCH(cancelled_while_it_waits_and_while_it_runs),
                IN_SCRATCH(no_more_than_the_queue_holds),
                IN_SCRATCH(bad_requests_leave_nothing),
                IN_SCRATCH(who_watches_sees_the_end),
                IN_SCRATCH(the_end_of_another_run_is_seen),
                IN_SCRATCH(an_end_cancels_what_waits_and_then_what_runs),
                IN_SCRATCH(an_end_leaves_what_goes_on_later),
                IN_SCRATCH(a_secret_is_forgotten_at_the_end),
                IN_SCRATCH(without_room_for_the_journal),
                IN_SCRATCH(two_nodes_in_one_place),
                IN_SCRATCH(many_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
