/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "runtime/proc.h"
#include "runtime/sockets.h"
#include "runtime/survey.h"

/* A child that holds what `hold` makes, then waits to be killed. */
static pid_t child_start(void (*hold)(void))
{
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                /* Whoever started this test may have left files open. */
                dup2(ready[1], 3);
                close_range(4, ~0U, 0);
                hold();
                (void)!write(3, "x", 1);
                for (;;)
                        pause();
        }
        assert_true(pid > 0);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static void child_end(pid_t pid)
{
        _cleanup_proc_list_ struct proc_list list = {0};

        /* Its own children first: they may not have got as far as to follow it by themselves. */
        (void)proc_list_container(pid, &list, NULL);
        for (size_t i = 0; i < list.count; i++)
                kill(list.items[i].pid, SIGKILL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void hold_strange_name(void)
{
        prctl(PR_SET_NAME, "a) Z (b", 0, 0, 0);
}

/* The name of a process is its own choice and must not confuse the parser. */
static void test_reads_a_process(void **state)
{
        pid_t pid = child_start(hold_strange_name);
        struct proc_process process;
        struct error err = {0};

        assert_success(proc_read(pid, &process, &err), &err);
        assert_int_equal(process.pid, pid);
        assert_int_equal(process.parent, getpid());
        assert_int_equal(process.inside, pid);
        assert_int_equal(process.tracer, 0);
        assert_int_equal(process.threads, 1);
        assert_string_equal(process.command, "a) Z (b");
        assert_true(process.start_time > 0);
        child_end(pid);
        assert_int_equal(proc_read(pid, &process, &err), -ESRCH);
}

static void hold_grandchild(void)
{
        if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
}

static void test_lists_descendants_only(void **state)
{
        pid_t pid = child_start(hold_grandchild), other = child_start(hold_strange_name);
        _cleanup_proc_list_ struct proc_list list = {0};
        struct error err = {0};

        assert_success(proc_list_container(pid, &list, &err), &err);
        assert_int_equal(list.count, 2);
        assert_non_null(proc_list_find(&list, pid));
        assert_null(proc_list_find(&list, other));
        for (size_t i = 0; i < list.count; i++)
                assert_true(list.items[i].descendant);
        child_end(pid);
        child_end(other);
}

static void test_reads_mounts(void **state)
{
        _cleanup_proc_mounts_ struct proc_mounts mounts = {0};
        struct error err = {0};
        bool root = false;

        assert_success(proc_mounts_read(getpid(), &mounts, &err), &err);
        for (size_t i = 0; i < mounts.count; i++) {
                root |= strcmp(mounts.items[i].point, "/proc") == 0 &&
                        strcmp(mounts.items[i].type, "proc") == 0;
                assert_ptr_equal(proc_mounts_find(&mounts, mounts.items[i].id), &mounts.items[i]);
        }
        assert_true(root);
        assert_null(proc_mounts_find(&mounts, -7));
}

static void write_some(int fd, size_t size)
{
        static const char block[4096];

        for (size_t done = 0; done < size; done += sizeof(block))
                (void)!write(fd, block, sizeof(block));
        fsync(fd);
}

/* One of everything the survey looks for. */
static void hold_everything(void)
{
        int fd = open("locked", O_RDWR | O_CREAT, 0600);

        (void)flock(fd, LOCK_EX);
        fd = open("large", O_RDWR | O_CREAT, 0600);
        write_some(fd, 256 * 1024);
        unlink("large");
        fd = open("small", O_RDWR | O_CREAT, 0600);
        write_some(fd, 4096);
        unlink("small");
        fd = open("linked", O_RDWR | O_CREAT, 0600);
        (void)!link("linked", "other");
        unlink("linked");
        (void)open("/dev/kvm", O_RDWR);
        (void)open("/dev/null", O_RDWR);
        (void)eventfd(0, 0);
        (void)memfd_create("fine", 0);
        (void)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
}

static bool mentions(const struct finding *finding, const char *text)
{
        return strstr(buffer_text(&finding->text), text) != NULL;
}

static void test_survey_finds_what_cannot_be_dumped(void **state)
{
        pid_t pid = child_start(hold_everything);
        _cleanup_survey_ struct survey survey = {0};
        struct error err = {0};
        int probe = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

        assert_success(survey_container(pid, 64 * KIB, &survey, &err), &err);
        assert_int_equal(survey.locks.count, 1);
        assert_true(mentions(&survey.locks, "/locked of process"));
        assert_int_equal(survey.deleted_large.count, 1);
        assert_true(mentions(&survey.deleted_large, "/large (deleted)"));
        assert_int_equal(survey.deleted_linked.count, 1);
        assert_true(mentions(&survey.deleted_linked, "/linked (deleted)"));
        assert_int_equal(survey.devices.count, access("/dev/kvm", R_OK | W_OK) == 0 ? 1 : 0);
        assert_int_equal(survey.unsupported.count, probe >= 0 ? 1 : 0);
        assert_int_equal(survey.outside_files.count, 0);
        assert_int_equal(survey.io_uring.count, 0);
        assert_int_equal(survey.traced.count, 0);
        assert_int_equal(survey.foreign.count, 0);
        assert_true(survey.memory > 0);
        if (probe >= 0)
                close(probe);
        child_end(pid);
}

static void hold_ring(void)
{
        uint8_t parameters[256] = {0}; /* struct io_uring_params is 120 bytes */

        (void)syscall(SYS_io_uring_setup, 4, parameters);
}

static void test_survey_finds_a_ring(void **state)
{
        uint8_t parameters[256] = {0};
        int probe = (int)syscall(SYS_io_uring_setup, 4, parameters);
        _cleanup_survey_ struct survey survey = {0};
        struct error err = {0};
        pid_t pid;

        if (probe < 0)
                skip(); /* the kernel forbids it */
        close(probe);
        pid = child_start(hold_ring);
        assert_success(survey_container(pid, MIB, &survey, &err), &err);
        assert_int_equal(survey.io_uring.count, 1);
        child_end(pid);
}

static void test_examples_are_few(void **state)
{
        struct finding finding = {0};

        for (int i = 0; i < 100; i++)
                assert_int_equal(finding_add(&finding, "%d", i), 0);
        assert_int_equal(finding.count, 100);
        assert_string_equal(buffer_text(&finding.text), "0, 1, 2, 3, …");
        buffer_free(&finding.text);
}

struct seen {
        uint16_t port;
        unsigned listening, connected;
};

static int see_tcp(void *context, const struct socket_tcp *socket)
{
        struct seen *seen = context;

        if (socket->local_port == seen->port && socket->listening)
                seen->listening++;
        if ((socket->local_port == seen->port || socket->remote_port == seen->port) && socket->connected)
                seen->connected++;
        return 0;
}

static void test_lists_tcp(void **state)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        struct seen seen = {0};
        struct error err = {0};

        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 4), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
        seen.port = ntohs(address.sin_port);
        assert_success(socket_each_tcp(getpid(), see_tcp, &seen, &err), &err);
        assert_int_equal(seen.listening, 1);
        assert_int_equal(seen.connected, 2);
        close(client);
        close(listener);
}

static int see_unix(void *context, uint64_t inode, uint64_t peer)
{
        uint64_t *inodes = context;

        if (inode == inodes[0] && peer == inodes[1])
                inodes[2]++;
        return 0;
}

static void test_lists_unix_peers(void **state)
{
        int pair[2];
        uint64_t inodes[3] = {0};
        struct stat status;
        struct error err = {0};

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(fstat(pair[i], &status), 0);
                inodes[i] = status.st_ino;
        }
        assert_success(socket_each_unix(getpid(), see_unix, inodes, &err), &err);
        assert_int_equal(inodes[2], 1);
        close(pair[0]);
        close(pair[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_a_process),
                cmocka_unit_test(test_lists_descendants_only),
                cmocka_unit_test(test_reads_mounts),
                cmocka_unit_test_setup_teardown(test_survey_finds_what_cannot_be_dumped, scratch_setup,
                                                scratch_teardown),
                cmocka_unit_test(test_survey_finds_a_ring),
                cmocka_unit_test(test_examples_are_few),
                cmocka_unit_test(test_lists_tcp),
                cmocka_unit_test(test_lists_unix_peers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
