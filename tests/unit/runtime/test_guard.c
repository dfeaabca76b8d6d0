/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian with a shell in the place of the runtime: it fills pages-1.img. */
#include "freezer.h"

#include <fcntl.h>
#include "archive/archive.h"
#include "base/clock.h"
#include "base/file.h"
#include "runtime/guard.h"
#include "runtime/mark.h"
#include "runtime/runtime.h"

extern char **environ;

struct fixture {
        struct counting counting;
        struct cgroup *cgroup;
        struct pages *pages;
        struct archive_writer *writer;
        struct guard_plan plan;
        struct guard *guard;
        const char *argv[4];
        int images;
};

/* In the working directory: "work/images", "mark". */
static void fixture_start(struct fixture *f, const char *script)
{
        struct error err = {0};

        *f = (struct fixture){.argv = {"sh", "-c", script, NULL}};
        counting_start(&f->counting);
        assert_int_equal(mkdir("work", 0700), 0);
        assert_int_equal(mkdir("work/images", 0700), 0);
        f->images = open("work/images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_success(cgroup_open(f->counting.pid, "", &f->cgroup, &err), &err);
        assert_success(pages_open(f->images, 2, &f->pages, &err), &err);
        f->plan = (struct guard_plan){
                .cgroup = f->cgroup,
                .pages = f->pages,
                .program = "/bin/sh",
                .argv = f->argv,
                .environment = (const char *const *)environ,
                .output = open("work/log", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                .lock = open("work/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                .keeper = open("work/keeper", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                .freeze_timeout_ms = 5000,
                .work_directory = "work",
                .mark = "mark",
        };
        close(open("mark", O_RDWR | O_CREAT, 0600));
        assert_success(guard_start(&f->plan, &f->guard, &err), &err);
        assert_success(archive_writer_open("out.tar", false, COMPRESSION_NONE, 0, &f->writer, &err), &err);
        assert_success(guard_watch(f->guard, archive_writer_temp_path(f->writer), &err), &err);
}

static void fixture_end(struct fixture *f)
{
        archive_writer_free(f->writer);
        if (f->pages)
                pages_free(f->pages);
        if (f->guard)
                assert_true(guard_free(f->guard));
        assert_true(counting_goes_on(&f->counting));
        /* As long as we live, it is ours to remove. */
        assert_int_equal(unlink("mark"), 0);
        close(f->plan.output);
        close(f->plan.lock);
        close(f->plan.keeper);
        close(f->images);
        cgroup_free(f->cgroup);
        counting_end(&f->counting);
}

static void freezes_runs_and_thaws(void **state)
{
        struct error err = {0};
        struct fixture f;
        int status;

        fixture_start(&f, "printf abc > work/images/pages-1.img; echo said; exit 7");
        assert_success(guard_freeze(f.guard, NULL, &err), &err);
        assert_true(counting_stands(&f.counting));
        assert_success(guard_run(f.guard, &err), &err);
        assert_success(pages_copy(f.pages, f.writer, guard_descriptor(f.guard), 0, NULL, &err), &err);
        assert_success(guard_wait(f.guard, &status, &err), &err);
        assert_int_equal(status, 7);
        assert_int_equal(pages_size(f.pages), 3);
        assert_true(counting_stands(&f.counting));
        assert_success(guard_thaw(f.guard, &err), &err);
        fixture_end(&f);
}

/* As for several at one instant: first all are asked, then waited for. */
static void freezes_and_thaws_in_two_steps(void **state)
{
        struct error err = {0};
        uint64_t at = 0, before = clock_monotonic_us();
        struct fixture f;

        fixture_start(&f, "true");
        assert_success(guard_freeze_begin(f.guard, &err), &err);
        assert_success(guard_freeze(f.guard, &at, &err), &err);
        assert_true(at >= before && at <= clock_monotonic_us());
        assert_true(counting_stands(&f.counting));
        assert_success(guard_thaw_begin(f.guard, &err), &err);
        assert_success(guard_thaw(f.guard, &err), &err);
        assert_true(counting_goes_on(&f.counting));
        fixture_end(&f);
}

static void breaks_off_an_endless_dump(void **state)
{
        struct error err = {0};
        struct fixture f;
        int status;

        fixture_start(&f, "exec cat /dev/zero > work/images/pages-1.img");
        assert_success(guard_freeze(f.guard, NULL, &err), &err);
        assert_success(guard_run(f.guard, &err), &err);
        assert_success(guard_break(f.guard, &err), &err);
        pages_free(f.pages);
        f.pages = NULL;
        assert_success(guard_wait(f.guard, &status, &err), &err);
        assert_int_not_equal(status, 0);
        fixture_end(&f);
}

/* guard_free alone, as on every way out by an error. */
static void undoes_all_when_let_go(void **state)
{
        struct error err = {0};
        struct fixture f;

        fixture_start(&f, "exec cat /dev/zero > work/images/pages-1.img");
        assert_success(guard_freeze(f.guard, NULL, &err), &err);
        assert_success(guard_run(f.guard, &err), &err);
        fixture_end(&f);
}

static void thaws_when_the_guardian_is_killed(void **state)
{
        struct error err = {0};
        struct fixture f;
        char command[64];
        int status;

        fixture_start(&f, "exec cat /dev/zero > work/images/pages-1.img");
        assert_success(guard_freeze(f.guard, NULL, &err), &err);
        assert_success(guard_run(f.guard, &err), &err);
        snprintf(command, sizeof(command), "kill -9 $(pgrep -P %d -x snap-guardian)", getpid());
        assert_int_equal(system(command), 0);
        assert_true(guard_wait(f.guard, &status, &err) < 0);
        fixture_end(&f);
}

static void wait_until_gone(const char *path)
{
        for (int i = 0; i < 500 && access(path, F_OK) == 0; i++)
                usleep(10000);
        assert_int_equal(access(path, F_OK), -1);
}

/* kill -9 of the process that makes the checkpoint, in the middle of the dump. */
static void undoes_all_when_we_are_killed(void **state)
{
        static const char *const parts[] = {"whole/part", "whole/absent", NULL};
        struct counting counting;
        int said[2], status;
        pid_t maker;

        assert_int_equal(pipe2(said, O_CLOEXEC), 0);
        counting_start(&counting);
        maker = fork();
        if (maker == 0) {
                struct error err = {0};
                struct fixture f = {0};

                /* fixture_start has a group of its own; here it is the parent's, which outlives this process.
                 */
                f.argv[0] = "sh";
                f.argv[1] = "-c";
                f.argv[2] = "exec cat /dev/zero > work/images/pages-1.img";
                if (mkdir("work", 0700) < 0 || mkdir("work/images", 0700) < 0)
                        _exit(1);
                f.images = open("work/images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                close(open("mark", O_RDWR | O_CREAT, 0600));
                close(open("unfinished", O_RDWR | O_CREAT, 0600));
                if (mkdir("whole", 0700) < 0)
                        _exit(1);
                close(open("whole/part", O_RDWR | O_CREAT, 0600));
                f.plan = (struct guard_plan){.program = "/bin/sh",
                                             .argv = f.argv,
                                             .environment = (const char *const *)environ,
                                             .output = open("log", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                                             .lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                                             .keeper = open("keeper", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
                                             .freeze_timeout_ms = 5000,
                                             .work_directory = "work",
                                             .parts = parts,
                                             .parts_directory = "whole",
                                             .mark = "mark"};
                if (cgroup_open(counting.pid, "", &f.cgroup, &err) < 0 ||
                    pages_open(f.images, 2, &f.pages, &err) < 0)
                        _exit(1);
                f.plan.cgroup = f.cgroup;
                f.plan.pages = f.pages;
                if (guard_start(&f.plan, &f.guard, &err) < 0 ||
                    guard_watch(f.guard, "unfinished", &err) < 0 || guard_freeze(f.guard, NULL, &err) < 0 ||
                    guard_run(f.guard, &err) < 0)
                        _exit(1);
                (void)!write(said[1], "r", 1);
                pause();
        }
        assert_int_equal(read(said[0], &(char){0}, 1), 1);
        assert_true(counting_stands(&counting));
        kill(maker, SIGKILL);
        waitpid(maker, &status, 0);
        /* It is the last of all. */
        wait_until_gone("mark");
        assert_int_equal(access("work", F_OK), -1);
        assert_int_equal(access("unfinished", F_OK), -1);
        assert_int_equal(access("whole", F_OK), -1);
        assert_true(counting_goes_on(&counting));
        counting_end(&counting);
        close(said[0]);
        close(said[1]);
}

static void undoes_what_a_mark_says(void **state)
{
        struct error err = {0};
        struct counting counting;
        static const char *const parts[] = {"whole/part", NULL};
        struct mark mark = {.temporary = "unfinished",
                            .work_directory = "work",
                            .parts = parts,
                            .parts_directory = "whole"};
        _cleanup_cgroup_ struct cgroup *cgroup = NULL;

        counting_start(&counting);
        assert_success(cgroup_open(counting.pid, "", &cgroup, &err), &err);
        mark.cgroup = cgroup_path(cgroup);
        assert_int_equal(mkdir("work", 0700), 0);
        close(open("unfinished", O_RDWR | O_CREAT, 0600));
        /* Of a pod: what another container still has in the directory stays, and so does that. */
        assert_int_equal(mkdir("whole", 0700), 0);
        close(open("whole/part", O_RDWR | O_CREAT, 0600));
        close(open("whole/other", O_RDWR | O_CREAT, 0600));
        assert_success(mark_write("mark", &mark, &err), &err);
        assert_int_equal(cgroup_freeze(cgroup, 5000), 0);
        assert_success(mark_undo("mark", &err), &err);
        assert_true(counting_goes_on(&counting));
        assert_int_equal(access("whole/part", F_OK), -1);
        assert_int_equal(access("whole/other", F_OK), 0);
        assert_int_equal(access("mark", F_OK), -1);
        assert_int_equal(access("work", F_OK), -1);
        assert_int_equal(access("unfinished", F_OK), -1);
        /* There is none any more. */
        assert_success(mark_undo("mark", &err), &err);
        /* What a person had paused stays paused. */
        mark.keep_frozen = true;
        assert_success(mark_write("mark", &mark, &err), &err);
        assert_int_equal(cgroup_freeze(cgroup, 5000), 0);
        assert_success(mark_undo("mark", &err), &err);
        assert_true(counting_stands(&counting));
        assert_int_equal(cgroup_thaw(cgroup), 0);
        counting_end(&counting);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(freezes_runs_and_thaws, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(freezes_and_thaws_in_two_steps, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(breaks_off_an_endless_dump, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(undoes_all_when_let_go, scratch_setup, scratch_teardown),
                cmocka_unit_test_setup_teardown(thaws_when_the_guardian_is_killed, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(undoes_all_when_we_are_killed, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test_setup_teardown(undoes_what_a_mark_says, scratch_setup, scratch_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
