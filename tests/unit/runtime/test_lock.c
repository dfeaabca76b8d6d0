/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <sys/wait.h>
#include "base/clock.h"
#include "runtime/lock.h"

/* A name that no engine gives. */
static struct container container = {
        .engine = (char[]){"test"}, .id = (char[]){"a/lock"}, .name = (char[]){"a"}};

static void is_held_by_one_at_a_time(void **state)
{
        struct error err = {0};
        int first = lock_acquire(&container, 0, NULL, &err), second;

        assert_true(first >= 0);
        assert_error(lock_acquire(&container, clock_monotonic_us() + 50000, NULL, &err), &err, ERROR_BUSY);
        assert_error(lock_try("test-a_lock", &err), &err, ERROR_BUSY);
        close(first);
        second = lock_try("test-a_lock", &err);
        assert_true(second >= 0);
        close(second);
}

/* As a guardian does, and the runtime that it starts. */
static void is_held_until_every_copy_is_closed(void **state)
{
        struct error err = {0};
        int lock = lock_acquire(&container, 0, NULL, &err), go[2];
        pid_t child;

        assert_true(lock >= 0);
        assert_int_equal(pipe(go), 0);
        child = fork();
        if (child == 0) {
                close(go[1]);
                _exit(read(go[0], &(char){0}, 1) == 0 ? 0 : 1);
        }
        close(lock);
        assert_error(lock_try("test-a_lock", &err), &err, ERROR_BUSY);
        close(go[1]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        lock = lock_try("test-a_lock", &err);
        assert_true(lock >= 0);
        close(lock);
        close(go[0]);
}

struct seen {
        const char *phase;
        unsigned asked;
};

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        ((struct seen *)context)->phase = phase;
}

static bool cancelled(void *context)
{
        return ++((struct seen *)context)->asked > 2;
}

static void says_that_it_waits_and_can_be_cancelled(void **state)
{
        struct seen seen = {0};
        struct progress progress = {step, cancelled, &seen};
        struct error err = {0};
        int lock = lock_acquire(&container, 0, &progress, &err);

        assert_true(lock >= 0);
        assert_null(seen.phase);
        assert_error(lock_acquire(&container, 0, &progress, &err), &err, ERROR_CANCELLED);
        assert_string_equal(seen.phase, "wait");
        close(lock);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_held_by_one_at_a_time),
                cmocka_unit_test(is_held_until_every_copy_is_closed),
                cmocka_unit_test(says_that_it_waits_and_can_be_cancelled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
