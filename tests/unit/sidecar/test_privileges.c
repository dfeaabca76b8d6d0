/* SPDX-License-Identifier: Apache-2.0 */
/* Each in a child, since nothing of it can be taken back. */
#include "testing.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "base/bytes.h"
#include "sidecar/privileges.h"

static void assert_in_child(bool (*check)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(check() ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_refused(int ret)
{
        return ret < 0 && errno == EPERM;
}

static bool machine(void)
{
        static const char command[] = "/bin/true";

        return privileges_filter(FILTER_MACHINE) == 0 &&
               is_refused((int)syscall(SYS_clock_settime, CLOCK_REALTIME, NULL)) &&
               prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
               system(command) == 0;
}

static bool remote(void)
{
        return privileges_filter(FILTER_REMOTE) == 0 && is_refused(mount("none", "/", "tmpfs", 0, NULL)) &&
               is_refused(unshare(CLONE_NEWNS)) && socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

/* Nobody, without network, new files or a way back. */
static bool reader(void)
{
        return privileges_drop_all() == 0 && geteuid() == 65534 && getegid() == 65534 &&
               getgroups(0, NULL) == 0 && is_refused(setuid(0)) &&
               is_refused(socket(AF_INET, SOCK_STREAM, 0)) && is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) &&
               access("/etc/shadow", R_OK) < 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool kept(void)
{
        struct error err = {0};

        /* CAP_SYS_MODULE is gone for good, CAP_KILL stays. */
        return privileges_keep(true, &err) == 0 && prctl(PR_CAPBSET_READ, 16, 0, 0, 0) == 0 &&
               prctl(PR_CAPBSET_READ, 5, 0, 0, 0) == 1 && privileges_keep(false, &err) == 0 &&
               prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 0 && prctl(PR_CAPBSET_READ, 5, 0, 0, 0) == 1;
}

static void test_filters(void **state)
{
        assert_in_child(machine);
        assert_in_child(remote);
}

static void test_reader(void **state)
{
        if (geteuid() != 0)
                skip();
        assert_in_child(reader);
}

static void test_capabilities(void **state)
{
        if (geteuid() != 0)
                skip();
        assert_in_child(kept);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_filters),
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_capabilities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
