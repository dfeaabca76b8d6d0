/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "runtime/guard_child.h"
#include "runtime/runtime.h"

/* A dump without readers fails at once; see BREAK_LIMIT_US in guard_child.c. */
#define TAKE_OVER_MS 120000

struct guard {
        const struct guard_plan *plan;
        int socket;
        int alive; /* ends when the guardian, the runtime and CRIU are all gone */
        pid_t pid;
        bool asked;      /* the answer to a freeze or thaw is to come */
        bool ended;      /* the runtime … */
        int exit_status; /* … and how */
};

int guard_start(const struct guard_plan *plan, struct guard **out, struct error *err)
{
        _cleanup_free_ struct guard *guard = calloc(1, sizeof(*guard));
        int sockets[2], alive[2];
        sigset_t all, before;

        if (!guard)
                return error_oom(err);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
                return error_errno(err, errno, "make the guardian's socket");
        if (pipe2(alive, O_CLOEXEC) < 0) {
                close(sockets[0]);
                close(sockets[1]);
                return error_errno(err, errno, "make the guardian's pipe");
        }
        /* Nothing may reach the child before it has set its own signals up. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        guard->pid = fork();
        if (guard->pid == 0) {
                /* Ours to keep open: that it closes tells the child that we are gone. */
                close(sockets[0]);
                guard_child_main(plan, sockets[1], alive[1]);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        close(sockets[1]);
        close(alive[1]);
        guard->socket = sockets[0];
        guard->alive = alive[0];
        guard->plan = plan;
        if (guard->pid < 0) {
                close(guard->socket);
                close(guard->alive);
                return error_errno(err, errno, "start the guardian");
        }
        *out = steal_ptr(guard);
        return 0;
}

static int guard_lost(struct error *err)
{
        return error_set(err, &ERROR_INTERNAL, -EPIPE, "the guardian process is gone");
}

static int guard_send(struct guard *guard, enum guard_request request, const char *path, struct error *err)
{
        struct guard_message message = {.kind = request};
        size_t size = path ? strlen(path) + 1 : 0;

        if (size > sizeof(message.path))
                return error_errno(err, ENAMETOOLONG, "`%s`", path);
        if (size)
                memcpy(message.path, path, size);
        size += offsetof(struct guard_message, path);
        if (send(guard->socket, &message, size, MSG_NOSIGNAL) != (ssize_t)size)
                return guard_lost(err);
        return 0;
}

/* The next answer; the end of the runtime, which can come at any time, is noted on the way. */
static int guard_receive(struct guard *guard, struct guard_answer *answer, struct error *err)
{
        ssize_t n;

        do
                n = recv(guard->socket, answer, sizeof(*answer), 0);
        while (n < 0 && errno == EINTR);
        if (n != sizeof(*answer))
                return guard_lost(err);
        if (answer->kind == GUARD_ENDED) {
                guard->ended = true;
                guard->exit_status = answer->value;
        }
        return 0;
}

static int guard_await(struct guard *guard, enum guard_request request, struct guard_answer *answer,
                       struct error *err)
{
        int r;

        do
                r = guard_receive(guard, answer, err);
        while (r == 0 && answer->kind != request);
        return r;
}

/* Sends a request and waits for its answer, a negative errno or 0. */
static int guard_ask(struct guard *guard, enum guard_request request, const char *path, int *value,
                     struct error *err)
{
        struct guard_answer answer = {0};
        int r = guard_send(guard, request, path, err);

        if (r == 0)
                r = guard_await(guard, request, &answer, err);
        if (r == 0)
                *value = answer.value;
        return r;
}

int guard_watch(struct guard *guard, const char *temporary, struct error *err)
{
        int value = 0, r = guard_ask(guard, GUARD_WATCH, temporary, &value, err);

        return r < 0 ? r : value;
}

static int guard_begin(struct guard *guard, enum guard_request request, struct error *err)
{
        int r = guard_send(guard, request, NULL, err);

        guard->asked = r == 0;
        return r;
}

/* Waits for what was begun; begins it when it was not. */
static int guard_complete(struct guard *guard, enum guard_request request, struct guard_answer *answer,
                          struct error *err)
{
        int r = guard->asked ? 0 : guard_begin(guard, request, err);

        if (r == 0)
                r = guard_await(guard, request, answer, err);
        guard->asked = false;
        return r;
}

int guard_freeze_begin(struct guard *guard, struct error *err)
{
        return guard_begin(guard, GUARD_FREEZE, err);
}

int guard_freeze(struct guard *guard, uint64_t *at_us, struct error *err)
{
        struct guard_answer answer = {0};
        int r = guard_complete(guard, GUARD_FREEZE, &answer, err);

        if (r < 0)
                return r;
        if (at_us)
                *at_us = answer.at_us;
        if (answer.value == -ETIMEDOUT)
                return error_set(err, &ERROR_FREEZE, answer.value,
                                 "the container did not come to a standstill in time");
        if (answer.value < 0)
                return error_set(err, &ERROR_FREEZE, answer.value, "freeze the container: %s",
                                 strerror(-answer.value));
        return 0;
}

int guard_run(struct guard *guard, struct error *err)
{
        int value = 0, r = guard_ask(guard, GUARD_RUN, NULL, &value, err);

        if (r == 0 && value < 0)
                r = error_errno(err, -value, "start the runtime");
        return r;
}

int guard_descriptor(const struct guard *guard)
{
        return guard->socket;
}

int guard_wait(struct guard *guard, int *exit_status, struct error *err)
{
        struct guard_answer answer;
        int r = 0;

        while (r == 0 && !guard->ended)
                r = guard_receive(guard, &answer, err);
        *exit_status = guard->exit_status;
        return r;
}

int guard_break(struct guard *guard, struct error *err)
{
        int value;

        return guard_ask(guard, GUARD_BREAK, NULL, &value, err);
}

int guard_thaw_begin(struct guard *guard, struct error *err)
{
        return guard_begin(guard, GUARD_THAW, err);
}

int guard_thaw(struct guard *guard, struct error *err)
{
        struct guard_answer answer = {0};
        int r = guard_complete(guard, GUARD_THAW, &answer, err);

        if (r == 0 && answer.value < 0)
                r = error_set(err, &ERROR_FREEZE, answer.value, "thaw the container: %s",
                              strerror(-answer.value));
        return r;
}

/* Somebody killed the guardian, or it could not thaw: what it had to undo is ours. Our pipes are closed, so
 * that the dump fails; CRIU freezes the container again as it found it before it ends, therefore it must be
 * gone before the thaw.
 */
static bool take_over(const struct guard *guard)
{
        struct pollfd alive = {guard->alive, 0, 0};
        int r;

        (void)poll(&alive, 1, TAKE_OVER_MS);
        r = guard->plan->keep_frozen ? 0 : cgroup_thaw(guard->plan->cgroup);
        /* A container that has ended has no group any more. */
        return r == 0 || r == -ENOENT || r == -ENODEV;
}

bool guard_free(struct guard *guard)
{
        bool thawed = true;
        int status = 0;

        (void)guard_send(guard, GUARD_RELEASE, NULL, NULL);
        while (waitpid(guard->pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (status != 0)
                thawed = take_over(guard);
        close(guard->socket);
        close(guard->alive);
        free(guard);
        return thawed;
}
