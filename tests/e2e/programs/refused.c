/* SPDX-License-Identifier: Apache-2.0 */
/* Holds one thing that CRIU refuses to dump (the argument says which), and counts in /tmp/count. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int tcp_socket(struct sockaddr_in *address)
{
        *address = (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        return socket(AF_INET, SOCK_STREAM, 0);
}

/* A connection to ourselves that waits to be accepted. Returns the listening socket. */
static int hold_tcp_waiting(void)
{
        struct sockaddr_in address;
        int listener = tcp_socket(&address), client = tcp_socket(&address);

        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0 ||
            connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -1;
        return listener;
}

static int hold_tcp(void)
{
        return accept(hold_tcp_waiting(), NULL, NULL);
}

static int hold_io_uring(void)
{
        char parameters[256] = {0};

        return (int)syscall(SYS_io_uring_setup, 8, parameters);
}

static int hold_device(void)
{
        return open("/dev/fuse", O_RDWR);
}

static int hold_lock(void)
{
        return flock(open("/tmp/lock", O_CREAT | O_RDWR, 0644), LOCK_EX);
}

/* 2 MiB, deleted; CRIU's limit is 1 MiB. */
static int hold_deleted(void)
{
        static char bytes[2 << 20];
        int fd = open("/tmp/deleted", O_CREAT | O_RDWR, 0644);

        memset(bytes, 1, sizeof(bytes));
        return write(fd, bytes, sizeof(bytes)) == sizeof(bytes) ? unlink("/tmp/deleted") : -1;
}

static int hold_unix(void)
{
        struct sockaddr_un address = {AF_UNIX, "/outside/socket"};

        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

static int hold_traced(void)
{
        pid_t child = fork();

        if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                for (;;)
                        raise(SIGSTOP);
        }
        return waitpid(child, NULL, 0);
}

static int hold_stopped(void)
{
        pid_t child = fork();
        int status;

        if (child != 0)
                return waitpid(child, &status, WUNTRACED);
        raise(SIGSTOP);
        for (;;)
                pause();
}

static int hold_nothing(void)
{
        return 0;
}

static const struct {
        const char *name;
        int (*hold)(void);
} things[] = {
        {"tcp", hold_tcp},           {"tcp-waiting", hold_tcp_waiting},
        {"io_uring", hold_io_uring}, {"device", hold_device},
        {"lock", hold_lock},         {"deleted", hold_deleted},
        {"unix", hold_unix},         {"traced", hold_traced},
        {"stopped", hold_stopped},   {"nothing", hold_nothing},
};

int main(int argc, char **argv)
{
        for (size_t i = 0; argc == 2 && i < sizeof(things) / sizeof(things[0]); i++) {
                if (strcmp(things[i].name, argv[1]) != 0)
                        continue;
                if (things[i].hold() < 0)
                        return 1;
                for (unsigned count = 0;; count++) {
                        FILE *file = fopen("/tmp/count.new", "w");

                        if (!file || fprintf(file, "%u\n", count) < 0 || fclose(file) != 0)
                                return 1;
                        rename("/tmp/count.new", "/tmp/count");
                        usleep(20000);
                }
        }
        return 2;
}
