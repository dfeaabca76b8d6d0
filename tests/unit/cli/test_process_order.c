/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include "cli/process_order.h"

static void test_children_follow_their_parent_by_pid(void **state)
{
        struct criu_process processes[] = {
                {.pid = 1, .ppid = 0},   {.pid = 20, .ppid = 1}, {.pid = 3, .ppid = 1},
                {.pid = 30, .ppid = 20}, {.pid = 4, .ppid = 3},  {.pid = 25, .ppid = 20},
        };
        static const pid_t expected[] = {1, 3, 4, 20, 25, 30};
        static const unsigned depths[] = {0, 1, 2, 1, 2, 2};
        struct criu_dump dump = {.processes = processes, .process_count = 6};
        _cleanup_free_ struct process_place *places = NULL, *part = NULL;

        assert_int_equal(process_order(&dump, 0, &places), 6);
        for (size_t i = 0; i < 6; i++) {
                assert_int_equal(places[i].process->pid, expected[i]);
                assert_int_equal(places[i].depth, depths[i]);
        }
        assert_int_equal(process_order(&dump, 20, &part), 3);
        assert_int_equal(part[0].process->pid, 20);
        assert_int_equal(part[1].depth, 1);
}

static void test_no_such_process(void **state)
{
        struct criu_process processes[] = {{.pid = 1}};
        struct criu_dump dump = {.processes = processes, .process_count = 1};
        _cleanup_free_ struct process_place *places = NULL;

        assert_int_equal(process_order(&dump, 7, &places), 0);
}

/* Nothing a damaged image says may loop or overrun. */
static void test_hostile_trees(void **state)
{
        struct criu_process cycle[] = {{.pid = 1}, {.pid = 2, .ppid = 3}, {.pid = 3, .ppid = 2}, {.pid = 1}};
        struct criu_dump dump = {.processes = cycle, .process_count = 4};
        _cleanup_free_ struct process_place *places = NULL, *part = NULL, *none = NULL;

        assert_true(process_order(&dump, 0, &places) <= 4);
        assert_int_equal(process_order(&dump, 2, &part), 2);
        dump.process_count = 0;
        assert_int_equal(process_order(&dump, 0, &none), 0);
}

static void test_a_deep_tree(void **state)
{
        size_t count = 200000;
        _cleanup_free_ struct criu_process *chain = calloc(count, sizeof(*chain));
        struct criu_dump dump = {.processes = chain, .process_count = count};
        _cleanup_free_ struct process_place *places = NULL;

        assert_non_null(chain);
        for (size_t i = 0; i < count; i++) {
                chain[i].pid = (pid_t)i + 1;
                chain[i].ppid = (pid_t)i;
        }
        assert_int_equal(process_order(&dump, 0, &places), count);
        assert_int_equal(places[count - 1].depth, count - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_children_follow_their_parent_by_pid),
                cmocka_unit_test(test_no_such_process),
                cmocka_unit_test(test_hostile_trees),
                cmocka_unit_test(test_a_deep_tree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
