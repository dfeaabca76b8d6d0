/* SPDX-License-Identifier: Apache-2.0 */
#include "open_node.h"

#define ID     "01M00000000000000000000000"
#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */

static void put(struct node *node, const char *kind, enum operation_phase phase, const char *request,
                const char *journal)
{
        _cleanup_operation_ struct operation *operation = NULL;
        struct error err = {0};

        assert_success(operation_new(&operation, &err), &err);
        (void)text_set(&operation->id, ID);
        (void)text_set(&operation->kind, kind);
        (void)text_set(&operation->request, request);
        (void)text_set(&operation->journal, journal);
        operation->phase = phase;
        assert_success(catalog_put_operation(node_catalog(node), operation, &err), &err);
}

/* What the journal says when the agent dies, and what it says after the next start. */
static struct operation *after_a_kill(struct node **node, const char *kind, enum operation_phase phase,
                                      const char *request, const char *journal)
{
        struct operation *operation = NULL;
        struct error err = {0};

        put(*node, kind, phase, request, journal);
        node_free(*node);
        *node = open_node(1, 0);
        assert_success(node_wait(*node, ID, &operation, &err), &err);
        return operation;
}

static void write_temporary(void)
{
        FILE *file = fopen("archives/" TEMPORARY_PREFIX ID, "we");

        assert_non_null(file);
        fputs("abc", file);
        fclose(file);
}

static char *journal_text(struct node *node, bool with_record)
{
        char *text;

        assert_true(
                asprintf(&text,
                         "{\"temporary\":\"%s/" TEMPORARY_PREFIX ID "\",\"lock\":\"test-container\"%s}",
                         node_options(node)->directory,
                         with_record
                                 ? ",\"checkpoint\":{\"id\":\"" ID "\",\"namespace\":\"default\","
                                   "\"pod\":\"web\",\"container\":\"nginx\",\"size\":3,\"digest\":\"" DIGEST
                                   "\"}"
                                 : "") > 0);
        return text;
}

static void before_the_commit_it_is_undone(void **state)
{
        static const enum operation_phase phases[] = {PHASE_PREFLIGHT, PHASE_DUMP, PHASE_VERIFY};
        struct node *node = open_node(1, 0);

        for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
                _cleanup_free_ char *journal = journal_text(node, false);
                _cleanup_operation_ struct operation *operation = NULL;

                write_temporary();
                operation = after_a_kill(&node, "checkpoint", phases[i], "{\"containerId\":\"x\"}", journal);
                assert_int_equal(operation->phase, PHASE_FAILED);
                assert_string_equal(operation->error_code, ERROR_KILLED.code);
                assert_non_null(strstr(operation->error_text, operation_phase_name(phases[i])));
                assert_non_null(strstr(operation->error_text, "undone"));
                assert_int_equal(access("archives/" TEMPORARY_PREFIX ID, F_OK), -1);
        }
        node_free(node);
}

static void in_the_commit_it_is_finished(void **state)
{
        struct node *node = open_node(1, 0);
        _cleanup_free_ char *journal = journal_text(node, true);
        _cleanup_operation_ struct operation *operation = NULL;
        _cleanup_checkpoint_ struct checkpoint *checkpoint = NULL;
        struct error err = {0};

        write_temporary();
        operation = after_a_kill(&node, "checkpoint", PHASE_COMMIT, "{\"containerId\":\"x\"}", journal);
        assert_int_equal(operation->phase, PHASE_DONE);
        assert_non_null(strstr(operation->result, DIGEST));
        assert_success(catalog_get_checkpoint(node_catalog(node), ID, &checkpoint, &err), &err);
        assert_int_equal(access(checkpoint->path, F_OK), 0);
        node_free(node);
}

static void what_waited_waits_again(void **state)
{
        struct node *node = open_node(1, 0);
        _cleanup_operation_ struct operation *operation = NULL;

        operation = after_a_kill(&node, "adopt", PHASE_QUEUED, "{}", "");
        assert_int_equal(operation->phase, PHASE_DONE);
        assert_true(operation->started_ns > 0);
        node_free(node);
}

static void the_others(void **state)
{
        static const struct {
                const char *kind, *request;
                enum operation_phase phase;
                const char *says;
        } cases[] = {
                {"verify", "{\"id\":\"x\"}", PHASE_VERIFY, "nothing to be undone"},
                {"restore", "{\"id\":\"x\"}", PHASE_PREFLIGHT, "nothing was changed"},
                {"restore", "{\"id\":\"x\"}", PHASE_RESTORE, "nobody saw"},
                {"of the future", "{}", PHASE_DUMP, "does not know `of the future`"},
                {"checkpoint", "{}", PHASE_DUMP, "incomplete"},
                {"verify", "no JSON", PHASE_QUEUED, "not valid JSON"},
        };
        struct node *node = open_node(1, 0);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_operation_ struct operation *operation =
                        after_a_kill(&node, cases[i].kind, cases[i].phase, cases[i].request, "");

                assert_int_equal(operation->phase, PHASE_FAILED);
                assert_true(operation->ended_ns > 0);
                if (!strstr(operation->error_text, cases[i].says))
                        fail_msg("%s: %s", cases[i].says, operation->error_text);
        }
        node_free(node);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                IN_SCRATCH(before_the_commit_it_is_undone),
                IN_SCRATCH(in_the_commit_it_is_finished),
                IN_SCRATCH(what_waited_waits_again),
                IN_SCRATCH(the_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
