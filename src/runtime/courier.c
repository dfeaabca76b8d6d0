/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "criu/cause.h"
#include "net/errors.h"
#include "runtime/cri_private.h"
#include "runtime/kubelet.h"
#include "runtime/mark.h"
#include "runtime/runtime.h"

#define NAME         "snap-courier"
#define SOCKET       3 /* its descriptor in the courier */
#define LOCKS        2
#define UNDO_STEP_US (60 * 1000000u)

struct courier {
        int socket;
};

struct answer {
        int ret;
        char code[16];
        char text[sizeof(((struct error *)NULL)->text)];
        char hint[sizeof(((struct error *)NULL)->hint)];
        char log[sizeof(((struct error *)NULL)->log)];
};

/* --- who sends ------------------------------------------------------------------------------------------ */

/* Starts this program anew, with nothing of ours but the socket. */
static int start(int socket, pid_t *pid)
{
        static char name[] = NAME;
        char *argv[] = {name, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t all;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -r;
        }
        for (int fd = 0; fd < SOCKET && r == 0; fd++)
                r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, socket, SOCKET);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(&actions, SOCKET + 1);
        sigfillset(&all);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
        if (r == 0)
                r = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static int request_send(int socket, const struct errand *errand, int lock, int keeper)
{
        int locks[LOCKS] = {lock, keeper};
        union {
                char space[CMSG_SPACE(sizeof(locks))];
                struct cmsghdr align;
        } control = {0};
        struct iovec bytes = {(void *)(uintptr_t)errand, sizeof(*errand)};
        struct msghdr message = {.msg_iov = &bytes,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof(control.space)};
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(locks));
        memcpy(CMSG_DATA(rights), locks, sizeof(locks));
        return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int courier_send(const struct errand *errand, int lock, int keeper, struct courier **out, struct error *err)
{
        _cleanup_courier_ struct courier *courier = calloc(1, sizeof(*courier));
        int sockets[2], r;
        pid_t pid;

        if (!courier)
                return error_oom(err);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
                courier->socket = -1;
                return error_errno(err, errno, "make a socket for the courier");
        }
        courier->socket = sockets[0];
        r = start(sockets[1], &pid);
        close(sockets[1]);
        if (r < 0)
                return error_errno(err, -r, "start the courier");
        r = request_send(courier->socket, errand, lock, keeper);
        /* It has a child for the work and ends itself. */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r < 0)
                return error_errno(err, -r, "hand the call to the courier");
        *out = steal_ptr(courier);
        return 0;
}

/* Kinds are constants of the program, known by their codes. */
static const struct error_kind *kind_find(const char *code)
{
        const struct error_kind *const *const lists[] = {base_error_kinds, net_error_kinds, criu_error_kinds,
                                                         runtime_error_kinds};

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                for (const struct error_kind *const *kind = lists[i]; *kind; kind++)
                        if (strcmp((*kind)->code, code) == 0)
                                return *kind;
        return &ERROR_RUNTIME_FAILED;
}

static int answer_report(const struct answer *answer, struct error *err)
{
        (void)error_set(err, kind_find(answer->code), answer->ret, "%s", answer->text);
        if (*answer->hint)
                error_set_hint(err, "%s", answer->hint);
        error_set_log(err, answer->log);
        return answer->ret;
}

int courier_wait(struct courier *courier, unsigned milliseconds, struct error *err)
{
        struct pollfd event = {.fd = courier->socket, .events = POLLIN};
        _cleanup_free_ struct answer *answer = NULL;
        int r = poll(&event, 1, (int)milliseconds);

        if (r == 0 || (r < 0 && errno == EINTR))
                return 0;
        if (r < 0)
                return error_errno(err, errno, "wait for the courier");
        answer = calloc(1, sizeof(*answer));
        if (!answer)
                return error_oom(err);
        if (recv(courier->socket, answer, sizeof(*answer), 0) != sizeof(*answer))
                return error_set(err, &ERROR_RUNTIME_FAILED, -EPIPE,
                                 "the process that called the engine was killed, and the call with it");
        /* A receipt: without it the courier undoes all. */
        (void)!send(courier->socket, "", 1, MSG_NOSIGNAL);
        return answer->ret < 0 ? answer_report(answer, err) : 1;
}

void courier_free(struct courier *courier)
{
        cleanup_close(&courier->socket);
        free(courier);
}

/* --- the courier ---------------------------------------------------------------------------------------- */

/* The locks that come with it stay open until the end of the process. */
static bool request_receive(struct errand *errand)
{
        union {
                char space[CMSG_SPACE(sizeof(int[LOCKS]))];
                struct cmsghdr align;
        } control;
        struct iovec bytes = {errand, sizeof(*errand)};
        struct msghdr message = {.msg_iov = &bytes,
                                 .msg_iovlen = 1,
                                 .msg_control = control.space,
                                 .msg_controllen = sizeof(control.space)};

        return recvmsg(SOCKET, &message, MSG_CMSG_CLOEXEC) == sizeof(*errand);
}

static void answer_fill(struct answer *answer, int ret, const struct error *err)
{
        answer->ret = ret;
        snprintf(answer->code, sizeof(answer->code), "%s", error_code(err));
        memcpy(answer->text, err->text, sizeof(answer->text));
        memcpy(answer->hint, err->hint, sizeof(answer->hint));
        memcpy(answer->log, err->log, sizeof(answer->log));
}

/* False when the sender has given up or was killed. */
static bool answer_deliver(const struct answer *answer)
{
        char receipt;

        return send(SOCKET, answer, sizeof(*answer), MSG_NOSIGNAL) == sizeof(*answer) &&
               recv(SOCKET, &receipt, 1, 0) == 1;
}

/* Nobody waits for what the call brought. Who wants the container meanwhile waits for the lock. */
static void undo(const struct errand *errand, const struct answer *answer)
{
        if (answer->ret == 0)
                (void)unlink(errand->location);
        for (int tries = 0; *errand->mark && tries < 10 && mark_undo(errand->mark, NULL) < 0; tries++)
                usleep(UNDO_STEP_US);
}

static void run(void)
{
        struct errand *errand = calloc(1, sizeof(*errand));
        struct answer *answer = calloc(1, sizeof(*answer));
        struct error err = {0};
        int ret;

        if (!errand || !answer || !request_receive(errand))
                return;
        ret = errand->kind == ERRAND_CRI ? cri_perform(errand, &err) : kubelet_perform(errand, &err);
        answer_fill(answer, ret, &err);
        if (!answer_deliver(answer))
                undo(errand, answer);
}

/* Runs before main. Nobody's child, so that nobody has to wait for it. */
static void __attribute__((constructor)) take_over(int argc, char **argv)
{
        static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
        sigset_t none;

        if (argc != 1 || strcmp(argv[0], NAME) != 0)
                return;
        if (fork() != 0)
                _exit(0);
        prctl(PR_SET_NAME, NAME);
        for (size_t i = 0; i < ARRAY_SIZE(deadly); i++)
                signal(deadly[i], SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        run();
        _exit(0);
}
