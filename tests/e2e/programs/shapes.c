/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process for each shape that a dump can have: takes on the one that its argument names, then counts in
 * /tmp/count. What it made stays as it is, so that a test knows what the dump of it must hold.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* Nothing here may fail: a shape that is only half there would make a test pass that should not. */
#define MUST(call)                                                                                           \
        ({                                                                                                   \
                __typeof__(call) result_ = (call);                                                           \
                if ((long)result_ == -1) {                                                                   \
                        perror(#call);                                                                       \
                        exit(1);                                                                             \
                }                                                                                            \
                result_;                                                                                     \
        })

static void wait_for_ever(void)
{
        for (;;)
                pause();
}

static int file_make(const char *path, const char *text)
{
        int fd = MUST(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0640));

        MUST(write(fd, text, strlen(text)));
        return fd;
}

static void *thread_run(void *number)
{
        sigset_t blocked;
        char name[16];

        snprintf(name, sizeof(name), "thread-%ld", (long)number);
        MUST(prctl(PR_SET_NAME, name));
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGRTMIN + (int)(long)number);
        pthread_sigmask(SIG_BLOCK, &blocked, NULL);
        MUST(setpriority(PRIO_PROCESS, (id_t)gettid(), (int)(long)number % 5));
        wait_for_ever();
        return NULL;
}

static void shape_threads(void)
{
        pthread_t thread;

        for (long i = 0; i < 20; i++)
                if (pthread_create(&thread, NULL, thread_run, (void *)i) != 0)
                        exit(1);
}

/* A zombie, a session and a process group of their own, a grandchild. */
static void shape_tree(void)
{
        if (MUST(fork()) == 0)
                _exit(7);
        for (int child = 0; child < 4; child++) {
                if (MUST(fork()) != 0)
                        continue;
                if (child == 1)
                        MUST(setsid());
                if (child == 2)
                        MUST(setpgid(0, 0));
                if (child == 3 && MUST(fork()) == 0)
                        MUST(prctl(PR_SET_NAME, "grandchild"));
                wait_for_ever();
        }
}

static void shape_descriptors(void)
{
        char path[64];

        MUST(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024}));
        for (int i = 0; i < 990; i++) {
                snprintf(path, sizeof(path), "/tmp/files/%d", i % 500);
                if (i == 0)
                        MUST(mkdir("/tmp/files", 0755));
                MUST(lseek(file_make(path, "contents"), i % 7, SEEK_SET));
        }
        MUST(dup2(900, 1000));
        MUST(fcntl(900, F_SETFL, O_APPEND | O_NONBLOCK));
}

static void unix_name(int fd, const char *name, size_t size)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        memcpy(address.sun_path, name, size);
        MUST(bind(fd, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)));
}

static void descriptor_send(int to, int fd)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
        struct msghdr message = {.msg_iov = &(struct iovec){"with a descriptor", 17},
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};

        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        MUST(sendmsg(to, &message, 0));
}

/* Pairs with data that nobody has read, one of it with a descriptor; names of every sort. */
static void shape_unix(void)
{
        int pair[2], named;

        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        MUST(write(pair[0], "one", 3));
        MUST(write(pair[0], "and another", 11));
        MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
        MUST(write(pair[1], "datagram", 8));
        descriptor_send(pair[0], MUST(open("/tmp", O_RDONLY)));
        MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
        MUST(shutdown(pair[0], SHUT_WR));
        named = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        unix_name(named, "/tmp/listening = yes.", 21);
        MUST(listen(named, 5));
        named = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        unix_name(named,
                  "\0abstract \xc3\xa4 name that is so long that it does not fit into a line of seventy-six "
                  "columns",
                  88);
        MUST(listen(named, 7));
}

static void shape_pipes(void)
{
        int ends[2];

        MUST(pipe(ends));
        MUST(write(ends[1], "in the pipe", 11));
        MUST(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
        MUST(fcntl(ends[0], F_SETPIPE_SZ, 1 << 18));
        for (char block[4096] = "a block"; write(ends[1], block, sizeof(block)) > 0;)
                ;
        MUST(mkfifo("/tmp/fifo", 0600));
        MUST(write(MUST(open("/tmp/fifo", O_RDWR)), "in the fifo", 11));
}

/* Shared without a name, System V, memory files, one of them sealed. */
static void shape_shared(void)
{
        char *shared = MUST(mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        int segment = MUST(shmget(0x5a5a, 3 * 4096, IPC_CREAT | 0600));
        int memory = MUST(memfd_create("memory", MFD_ALLOW_SEALING));

        memset(shared, 'a', MIB / 2);
        memset(MUST(shmat(segment, NULL, 0)), 's', 5000);
        MUST(ftruncate(memory, 3 * (off_t)MIB));
        MUST(pwrite(memory, "end", 3, 2 * (off_t)MIB));
        MUST(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
        MUST(mmap(NULL, MIB, PROT_READ, MAP_SHARED, memory, 0));
        MUST(fork());
}

/* Queues with messages, semaphores. */
static void shape_ipc(void)
{
        struct {
                long type;
                char text[100];
        } message = {42, "a message"};
        int queue = MUST(msgget(0x6b6b, IPC_CREAT | 0600));
        int semaphores = MUST(semget(0x7c7c, 5, IPC_CREAT | 0600));
        unsigned short values[5] = {1, 2, 3, 32767, 5};

        MUST(msgsnd(queue, &message, 9, 0));
        message.type = 43;
        MUST(msgsnd(queue, &message, 100, 0));
        MUST(msgget(0x6c6c, IPC_CREAT | 0666));
        MUST(semctl(semaphores, 0, SETALL, values));
}

/* A terabyte of addresses, a page used here and there; mappings of every protection. */
static void shape_sparse(void)
{
        char *huge = MUST(mmap(NULL, 1024 * GIB, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));

        for (size_t i = 0; i < 1024; i += 8)
                memset(huge + i * GIB, (int)i + 1, 100);
        MUST(madvise(huge, GIB, MADV_DONTFORK));
        MUST(mmap(NULL, GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        MUST(mmap(NULL, MIB, PROT_READ | PROT_EXEC, MAP_PRIVATE, file_make("/tmp/mapped", "mapped"), 0));
        MUST(mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
}

static void nothing(int number)
{
}

static void shape_timers(void)
{
        struct itimerval hour = {{3600, 1}, {3000, 2}};
        struct itimerspec day = {{86400, 3}, {80000, 4}};
        struct sigevent event = {
                .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3, .sigev_value.sival_int = 99};
        timer_t timer;

        MUST(setitimer(ITIMER_REAL, &hour, NULL));
        MUST(setitimer(ITIMER_VIRTUAL, &hour, NULL));
        MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
        MUST(timer_settime(timer, 0, &day, NULL));
        event.sigev_notify = SIGEV_NONE;
        MUST(timer_create(CLOCK_REALTIME, &event, &timer));
        MUST(timerfd_settime(MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)), 0, &day, NULL));
        day.it_value.tv_sec += time(NULL);
        MUST(timerfd_settime(MUST(timerfd_create(CLOCK_REALTIME, 0)), TFD_TIMER_ABSTIME, &day, NULL));
}

/* Handlers, an own stack for them, and signals that wait, for the process and for the thread. */
static void shape_signals(void)
{
        struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART | SA_ONSTACK};
        stack_t stack = {.ss_sp = malloc(64 << 10), .ss_size = 64 << 10};
        union sigval value = {.sival_int = 1234};
        sigset_t blocked;

        MUST(sigaltstack(&stack, NULL));
        sigfillset(&action.sa_mask);
        MUST(sigaction(SIGUSR1, &action, NULL));
        MUST(sigaction(SIGRTMIN + 5, &action, NULL));
        signal(SIGHUP, SIG_IGN);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGUSR1);
        sigaddset(&blocked, SIGRTMIN + 5);
        MUST(sigprocmask(SIG_BLOCK, &blocked, NULL));
        MUST(kill(getpid(), SIGUSR1));
        for (int i = 0; i < 3; i++)
                MUST(sigqueue(getpid(), SIGRTMIN + 5, value));
        pthread_kill(pthread_self(), SIGRTMIN + 5);
}

static void shape_events(void)
{
        struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 0x123456789abcdef}};
        int epoll = MUST(epoll_create1(EPOLL_CLOEXEC)), counter = MUST(eventfd(7, EFD_NONBLOCK)), pair[2];
        int watcher = MUST(inotify_init1(IN_NONBLOCK));
        sigset_t signals;

        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event));
        MUST(pipe(pair));
        event.data.fd = pair[0];
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
        MUST(mkdir("/tmp/watched", 0700));
        MUST(inotify_add_watch(watcher, "/tmp/watched", IN_CREATE | IN_DELETE));
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        sigaddset(&signals, SIGRTMIN);
        MUST(signalfd(-1, &signals, SFD_NONBLOCK));
}

static int socket_bound(int family, int type, uint16_t port)
{
        struct sockaddr_in v4 = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
        struct sockaddr_in6 v6 = {AF_INET6, htons(port), 0, IN6ADDR_LOOPBACK_INIT, 0};
        int fd = MUST(socket(family, type, 0));

        MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
        MUST(bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                  family == AF_INET ? sizeof(v4) : sizeof(v6)));
        return fd;
}

/* Listeners of both families, a connection with data that nobody has read. */
static void shape_tcp(void)
{
        struct sockaddr_in address = {AF_INET, htons(8080), {htonl(INADDR_LOOPBACK)}, {0}};
        int listener = socket_bound(AF_INET, SOCK_STREAM, 8080),
            client = MUST(socket(AF_INET, SOCK_STREAM, 0)), server;

        MUST(listen(socket_bound(AF_INET6, SOCK_STREAM, 8081), 3));
        MUST(listen(listener, 16));
        MUST(connect(client, (struct sockaddr *)&address, sizeof(address)));
        server = MUST(accept(listener, NULL, NULL));
        MUST(setsockopt(server, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)));
        MUST(write(client, "request", 7));
        MUST(write(server, "the answer", 10));
}

static void shape_udp(void)
{
        struct sockaddr_in peer = {AF_INET, htons(9999), {htonl(INADDR_LOOPBACK)}, {0}};
        struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 1};
        int netlink = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

        MUST(connect(socket_bound(AF_INET, SOCK_DGRAM, 5353), (struct sockaddr *)&peer, sizeof(peer)));
        socket_bound(AF_INET6, SOCK_DGRAM, 5354);
        MUST(bind(netlink, (struct sockaddr *)&group, sizeof(group)));
}

/* Deleted files that are still open, one with holes; locks. */
static void shape_deleted(void)
{
        int sparse = file_make("/tmp/sparse", "head");

        file_make("/tmp/deleted", "what was in the deleted file");
        MUST(unlink("/tmp/deleted"));
        MUST(pwrite(sparse, "tail", 4, 64 * (off_t)MIB));
        MUST(unlink("/tmp/sparse"));
        MUST(mkdir("/tmp/gone", 0711));
        MUST(open("/tmp/gone", O_RDONLY | O_DIRECTORY));
        MUST(rmdir("/tmp/gone"));
        MUST(flock(file_make("/tmp/locked", "locked"), LOCK_EX));
        MUST(fcntl(file_make("/tmp/region", "a region of it"), F_SETLK,
                   &(struct flock){.l_type = F_WRLCK, .l_start = 2, .l_len = 6}));
}

static const struct {
        const char *name;
        void (*take)(void);
} shapes[] = {
        {"threads", shape_threads}, {"tree", shape_tree},       {"descriptors", shape_descriptors},
        {"unix", shape_unix},       {"pipes", shape_pipes},     {"shared", shape_shared},
        {"ipc", shape_ipc},         {"sparse", shape_sparse},   {"timers", shape_timers},
        {"signals", shape_signals}, {"events", shape_events},   {"tcp", shape_tcp},
        {"udp", shape_udp},         {"deleted", shape_deleted},
};

static void count(void)
{
        for (unsigned long number = 0;; number++) {
                FILE *file = fopen("/tmp/count.new", "w");

                if (!file || fprintf(file, "%lu\n", number) < 0 || fclose(file) != 0)
                        exit(1);
                MUST(rename("/tmp/count.new", "/tmp/count"));
                usleep(20000);
        }
}

int main(int argc, char **argv)
{
        pid_t self = getpid();

        for (size_t i = 0; argc == 2 && i < sizeof(shapes) / sizeof(shapes[0]); i++) {
                if (strcmp(shapes[i].name, argv[1]) != 0)
                        continue;
                shapes[i].take();
                if (getpid() != self)
                        wait_for_ever();
                count();
        }
        fprintf(stderr, "usage: shapes SHAPE\n");
        return 2;
}
