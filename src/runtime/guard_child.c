/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/guard_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/file.h"

/* A dump that was broken off ends within a second. One that hangs in the kernel for longer than this is
 * killed after all: a container with CRIU's code in it that runs is better than one that is frozen for ever.
 */
#define BREAK_LIMIT_US (120 * 1000000ull)

struct child {
        const struct guard_plan *plan;
        int socket, signals, alive;
        pid_t runtime; /* 0: not started */
        bool running;  /* it or, after it, a CRIU that it left behind */
        bool broken, frozen;
        int exit_status;
        uint64_t break_us; /* when it was broken off */
        char temporary[PATH_MAX];
};

static void answer(const struct child *child, enum guard_request kind, int value)
{
        struct guard_answer message = {kind, value, clock_monotonic_us()};

        /* Failure means that nobody listens any more, which shows when the socket is read. */
        (void)!send(child->socket, &message, sizeof(message), MSG_NOSIGNAL);
}

static void keep(int *kept, size_t *count, int fd)
{
        size_t at = (*count)++;

        for (; at > 0 && kept[at - 1] > fd; at--)
                kept[at] = kept[at - 1];
        kept[at] = fd;
}

/* Standard streams to nowhere, everything else closed but what we need: a client of our parent must not find
 * its connection held open by us. */
static void descriptors_tidy(const struct child *child)
{
        const struct guard_plan *plan = child->plan;
        int kept[PAGES_MOST + 8], pages[PAGES_MOST + 1], null = open("/dev/null", O_RDWR | O_CLOEXEC);
        size_t count = 0, page_count = pages_descriptors(plan->pages, pages);
        int from = 3;

        for (int fd = 0; fd < 3 && null >= 0; fd++)
                (void)dup2(null, fd);
        for (size_t i = 0; i < page_count; i++)
                keep(kept, &count, pages[i]);
        keep(kept, &count, child->socket);
        keep(kept, &count, child->signals);
        keep(kept, &count, child->alive);
        keep(kept, &count, plan->output);
        keep(kept, &count, plan->lock);
        keep(kept, &count, plan->keeper);
        keep(kept, &count, cgroup_descriptor(plan->cgroup));
        for (size_t i = 0; i < count; i++) {
                if (kept[i] > from)
                        (void)close_range((unsigned)from, (unsigned)kept[i] - 1, 0);
                from = kept[i] >= from ? kept[i] + 1 : from;
        }
        (void)close_range((unsigned)from, ~0U, 0);
}

static void __attribute__((noreturn)) runtime_exec(const struct child *child)
{
        const struct guard_plan *plan = child->plan;
        static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD};
        sigset_t none;

        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
                signal(defaults[i], SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setpgid(0, 0);
        if (dup2(plan->output, 1) >= 0 && dup2(plan->output, 2) >= 0) {
                /* Inherited: as long as CRIU lives, another checkpoint must not begin. */
                (void)fcntl(plan->lock, F_SETFD, 0);
                (void)fcntl(child->alive, F_SETFD, 0);
                execve(plan->program, (char *const *)(uintptr_t)plan->argv,
                       (char *const *)(uintptr_t)plan->environment);
        }
        _exit(127);
}

static int runtime_start(struct child *child)
{
        child->runtime = fork();
        if (child->runtime == 0)
                runtime_exec(child);
        if (child->runtime < 0)
                return -errno;
        child->running = true;
        return 0;
}

/* Reaps; the dump has ended when no child is left, for CRIU can outlive a runtime that was killed. */
static void runtime_reap(struct child *child)
{
        struct signalfd_siginfo ignored;
        int status;
        pid_t pid;

        while (read(child->signals, &ignored, sizeof(ignored)) > 0)
                ;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == child->runtime)
                        child->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (pid < 0 && errno == ECHILD && child->running) {
                child->running = false;
                answer(child, GUARD_ENDED, child->exit_status);
        }
}

static void dump_break(struct child *child)
{
        if (child->broken || !child->running)
                return;
        pages_break(child->plan->pages);
        /* Of version 1: attaching to a process that a signal has stopped waits until it is thawed. What is
         * broken off needs no standstill any more. CRIU may freeze once more before it ends: the last thaw is
         * yet to come. */
        if (!child->plan->keep_frozen && child->frozen)
                (void)cgroup_thaw(child->plan->cgroup);
        child->broken = true;
        child->break_us = clock_monotonic_us();
}

static int container_freeze(struct child *child)
{
        int r = child->plan->keep_frozen ? 0
                                         : cgroup_freeze(child->plan->cgroup, child->plan->freeze_timeout_ms);

        child->frozen = r == 0;
        return r;
}

static int container_thaw(struct child *child)
{
        int r = child->plan->keep_frozen || !child->frozen ? 0 : cgroup_thaw(child->plan->cgroup);

        /* A container that has ended has no group any more. */
        if (r == -ENOENT || r == -ENODEV)
                r = 0;
        child->frozen = r < 0;
        return r;
}

/* Waits for the next event; false when the parent is gone or has released us. */
static bool events_wait(struct child *child, bool *released, struct guard_message *message)
{
        struct pollfd fds[2] = {{child->socket, POLLIN, 0}, {child->signals, POLLIN, 0}};
        ssize_t n;

        message->kind = GUARD_ENDED; /* nothing asked */
        if (poll(fds, 2, -1) < 0)
                return true;
        if (fds[1].revents)
                runtime_reap(child);
        if (!fds[0].revents)
                return true;
        n = recv(child->socket, message, sizeof(*message), MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return true;
        *released = n > 0 && message->kind == GUARD_RELEASE;
        return n > 0 && !*released;
}

/* False when the parent is gone before it released us. */
static bool serve(struct child *child)
{
        struct guard_message message;
        bool released = false;

        while (events_wait(child, &released, &message)) {
                int r = 0;

                switch (message.kind) {
                case GUARD_WATCH:
                        memcpy(child->temporary, message.path, sizeof(child->temporary));
                        break;
                case GUARD_FREEZE:
                        r = container_freeze(child);
                        break;
                case GUARD_RUN:
                        r = runtime_start(child);
                        break;
                case GUARD_BREAK:
                        dump_break(child);
                        break;
                case GUARD_THAW:
                        r = container_thaw(child);
                        break;
                default:
                        continue;
                }
                answer(child, message.kind, r);
        }
        return released;
}

/* Nobody else will: the dump ends or is ended, the container runs again. */
static void finish(struct child *child)
{
        dump_break(child);
        while (child->running) {
                struct pollfd fd = {child->signals, POLLIN, 0};

                (void)poll(&fd, 1, 1000);
                runtime_reap(child);
                if (child->running && clock_monotonic_us() - child->break_us > BREAK_LIMIT_US)
                        kill(-child->runtime, SIGKILL);
        }
        (void)container_thaw(child);
}

/* What is unfinished, of the container alone and of its pod. */
static void remove_files(const struct child *child)
{
        const struct guard_plan *plan = child->plan;

        if (child->temporary[0])
                (void)unlink(child->temporary);
        /* Uses malloc, which glibc makes fit for use in the child of a fork. */
        (void)file_remove_tree(AT_FDCWD, plan->work_directory, NULL);
        for (const char *const *part = plan->parts; part && *part; part++)
                (void)unlink(*part);
        if (plan->parts_directory)
                (void)rmdir(plan->parts_directory);
}

void guard_child_main(const struct guard_plan *plan, int socket, int alive)
{
        static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
        struct child child = {.plan = plan, .socket = socket, .alive = alive};
        sigset_t mask;

        setsid();
        prctl(PR_SET_NAME, "snap-guardian");
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                signal(ignored[i], SIG_IGN);
        signal(SIGCHLD, SIG_DFL);
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        child.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        descriptors_tidy(&child);
        if (!serve(&child)) {
                finish(&child);
                remove_files(&child);
                if (!child.frozen)
                        (void)unlink(plan->mark);
                _exit(1);
        }
        finish(&child);
        _exit(child.frozen);
}
