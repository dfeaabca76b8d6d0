/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "runtime/proc.h"
#include "runtime/proof.h"

/* A small tree, init with one child, whose numbers go into `pids`. */
static void tree_start(pid_t pids[2])
{
        int ready[2];

        assert_int_equal(pipe(ready), 0);
        pids[0] = fork();
        if (pids[0] == 0) {
                pid_t child = fork();

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                prctl(PR_SET_NAME, child ? "first" : "second", 0, 0, 0);
                if (child)
                        (void)!write(ready[1], &child, sizeof(child));
                for (;;)
                        pause();
        }
        assert_int_equal(read(ready[0], &pids[1], sizeof(pids[1])), sizeof(pids[1]));
        close(ready[0]);
        close(ready[1]);
}

static void tree_end(const pid_t pids[2])
{
        kill(pids[1], SIGKILL);
        kill(pids[0], SIGKILL);
        waitpid(pids[0], NULL, 0);
}

static void test_sees_the_tree(void **state)
{
        pid_t pids[2];
        struct criu_process processes[2] = {{.command = "first"}, {.command = "second"}};
        struct criu_dump dump = {.processes = processes, .process_count = 2};
        char name[] = "c";
        struct restore_result result = {.name = name};
        struct proc_process init;
        struct error err = {0};

        tree_start(pids);
        processes[0].pid = result.pid = pids[0];
        processes[1].pid = pids[1];
        processes[1].ppid = pids[0];
        assert_success(proof_wait(&dump, &result, &err), &err);
        assert_int_equal(result.processes, 2);
        assert_success(proc_read(pids[0], &init, &err), &err);
        assert_int_equal(result.start_time, init.start_time);
        tree_end(pids);
}

/* A child that has ended since is no fault, but it is not counted. */
static void test_excuses_who_ended(void **state)
{
        pid_t pids[2];
        struct criu_process processes[3] = {
                {.command = "first"}, {.command = "second"}, {.command = "third"}};
        struct criu_dump dump = {.processes = processes, .process_count = 3};
        char name[] = "c";
        struct restore_result result = {.name = name};
        struct error err = {0};

        tree_start(pids);
        processes[0].pid = result.pid = pids[0];
        processes[1].pid = 4194300; /* nobody, and its child */
        processes[1].ppid = pids[0];
        processes[2].pid = 4194301;
        processes[2].ppid = 4194300;
        assert_success(proof_wait(&dump, &result, &err), &err);
        assert_int_equal(result.processes, 1);
        tree_end(pids);
}

/* The right number under another parent is another process. */
static void test_refuses_another_tree(void **state)
{
        pid_t pids[2];
        struct criu_process processes[3] = {{.command = "first"}, {.command = "x"}, {.command = "second"}};
        struct criu_dump dump = {.processes = processes, .process_count = 3};
        char name[] = "c";
        struct restore_result result = {.name = name};
        struct error err = {0};

        tree_start(pids);
        processes[0].pid = result.pid = pids[0];
        processes[1].pid = 4194300;
        processes[1].ppid = pids[0];
        processes[2].pid = pids[1];
        processes[2].ppid = 4194300;
        assert_error(proof_wait(&dump, &result, &err), &err, ERROR_RESTORE_NOT_SEEN);
        assert_non_null(strstr(err.text, "(second)"));
        tree_end(pids);
}

static void test_refuses_who_is_gone(void **state)
{
        pid_t pids[2];
        struct criu_process processes[1] = {{.command = "first"}};
        struct criu_dump dump = {.processes = processes, .process_count = 1};
        char name[] = "c";
        struct restore_result result = {.name = name};
        struct error err = {0};

        tree_start(pids);
        processes[0].pid = result.pid = pids[0];
        tree_end(pids);
        assert_error(proof_wait(&dump, &result, &err), &err, ERROR_RESTORE_NOT_SEEN);
        result.pid = 0;
        assert_error(proof_wait(&dump, &result, &err), &err, ERROR_RESTORE_NOT_SEEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sees_the_tree),
                cmocka_unit_test(test_excuses_who_ended),
                cmocka_unit_test(test_refuses_another_tree),
                cmocka_unit_test(test_refuses_who_is_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
