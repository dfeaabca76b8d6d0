/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dump beside this file was taken of: as many kinds of things as fit into a few pages of memory, so there is
 * no C library. Built with: gcc -Os -static -nostdlib -fno-stack-protector -fcf-protection=none -o tiny tiny.c
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static long call(long number, long a, long b, long c, long d, long e)
{
        register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = 0;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
}

static _Noreturn void wait_for_ever(void)
{
        for (;;)
                call(SYS_pause, 0, 0, 0, 0, 0);
}

/* A thread without a stack of its own to speak of: it never returns from here. */
static void start_thread(char *stack_top)
{
        long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

        __asm__ volatile("syscall\n"
                         "test %%rax, %%rax\n"
                         "jnz 2f\n"
                         "1: mov %1, %%eax\n"
                         "syscall\n"
                         "jmp 1b\n"
                         "2:"
                         :
                         : "a"((long)SYS_clone), "i"(SYS_pause), "D"(flags), "S"(stack_top), "d"(0)
                         : "rcx", "r11", "r10", "r8", "memory");
}

static void open_files(void)
{
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8080)};
        struct sockaddr_un name = {AF_UNIX, "\0tiny"};
        struct epoll_event event = {EPOLLIN, {0}};
        int ends[2], fd;

        fd = (int)call(SYS_open, (long)"/tmp/kept", O_RDWR | O_CREAT, 0644, 0, 0);
        call(SYS_write, fd, (long)"kept", 4, 0, 0);
        fd = (int)call(SYS_open, (long)"/tmp/deleted", O_RDWR | O_CREAT, 0644, 0, 0);
        call(SYS_write, fd, (long)"deleted file", 12, 0, 0);
        call(SYS_unlink, (long)"/tmp/deleted", 0, 0, 0, 0);
        call(SYS_pipe, (long)ends, 0, 0, 0, 0);
        call(SYS_write, ends[1], (long)"in the pipe", 11, 0, 0);
        fd = (int)call(SYS_epoll_create1, 0, 0, 0, 0, 0);
        call(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, ends[0], (long)&event, 0);
        call(SYS_eventfd2, 3, 0, 0, 0, 0);
        call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)ends, 0);
        fd = (int)call(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0, 0);
        call(SYS_bind, fd, (long)&name, sizeof(sa_family_t) + 5, 0, 0);
        fd = (int)call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0);
        call(SYS_bind, fd, (long)&any, sizeof(any), 0, 0);
        call(SYS_listen, fd, 5, 0, 0, 0);
        fd = (int)call(SYS_memfd_create, (long)"shared", 0, 0, 0, 0);
        call(SYS_ftruncate, fd, 12288, 0, 0, 0);
        call(SYS_pwrite64, fd, (long)"second page", 11, 4096, 0);
}

__attribute__((noinline, used)) static void run(void)
{
        static char stack[4096] __attribute__((aligned(4096)));

        open_files();
        start_thread(stack + sizeof(stack));
        if (call(SYS_fork, 0, 0, 0, 0, 0) == 0)
                call(SYS_exit, 3, 0, 0, 0, 0);
        if (call(SYS_fork, 0, 0, 0, 0, 0) == 0) {
                call(SYS_close_range, 0, 1000, 0, 0, 0);
                call(SYS_chdir, (long)"/tmp", 0, 0, 0, 0);
                wait_for_ever();
        }
        wait_for_ever();
}

__attribute__((naked, noreturn, used)) void _start(void)
{
        __asm__("and $-16, %rsp\ncall run");
}
