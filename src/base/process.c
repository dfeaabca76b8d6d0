/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/file.h"

#define DEFAULT_OUTPUT_LIMIT (16 * MIB)
#define TERM_GRACE_US        2000000

extern char **environ;

struct running {
        pid_t pid;
        int pidfd;
        int streams[2]; /* standard output and error; -1 when closed */
};

char *process_find(const char *program)
{
        const char *path = getenv("PATH");
        char *candidate;

        if (strchr(program, '/'))
                return access(program, X_OK) == 0 ? strdup(program) : NULL;
        for (path = path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"; *path;) {
                size_t size = strcspn(path, ":");

                if (asprintf(&candidate, "%.*s/%s", (int)size, path, program) < 0)
                        return NULL;
                if (access(candidate, X_OK) == 0)
                        return candidate;
                free(candidate);
                path += size + (path[size] == ':');
        }
        return NULL;
}

static bool environment_replaces(const char *const *changes, const char *entry)
{
        for (; changes && *changes; changes++) {
                size_t size = strcspn(*changes, "=") + 1;

                if (strncmp(*changes, entry, size) == 0)
                        return true;
        }
        return false;
}

/* Ours with the changes applied; the strings are borrowed, the array is the caller's. */
static const char **environment_merge(const char *const *changes)
{
        size_t count = 0, n = 0;
        const char **merged;

        for (char **e = environ; e && *e; e++)
                count++;
        for (const char *const *c = changes; c && *c; c++)
                count++;
        merged = calloc(count + 1, sizeof(*merged));
        if (!merged)
                return NULL;
        for (char **e = environ; e && *e; e++)
                if (!environment_replaces(changes, *e))
                        merged[n++] = *e;
        for (const char *const *c = changes; c && *c; c++)
                merged[n++] = *c;
        return merged;
}

/* After fork: only async-signal-safe calls. Reports errno through `status` when it cannot become the program.
 */
static void __attribute__((noreturn)) child_main(const char *program, const struct process_options *options,
                                                 const char **environment, int in, int out, int errors,
                                                 int status)
{
        sigset_t none;
        int failure;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (options->own_session)
                (void)setsid();
        /* Sources are all above 2: the pipes were made while 0 to 2 were open (see stdio_ensure). */
        if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(errors, 2) >= 0 &&
            (!options->directory || chdir(options->directory) == 0)) {
                syscall(SYS_close_range, 3, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
                execve(program, (char *const *)(uintptr_t)options->argv,
                       (char *const *)(uintptr_t)environment);
        }
        failure = errno;
        (void)!write(status, &failure, sizeof(failure));
        _exit(127);
}

/* A program started with 0 to 2 closed must not get its pipes there. */
static int stdio_ensure(void)
{
        int fd;

        do {
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        } while (fd >= 0 && fd <= 2);
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

static int spawn(const char *program, const struct process_options *options, struct running *out)
{
        int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}; /* output, errors, status */
        _cleanup_free_ const char **environment = environment_merge(options->environment);
        _cleanup_close_ int null = -1;
        int failure = 0, r = 0;

        if (!environment)
                return -ENOMEM;
        r = stdio_ensure();
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (r < 0 || null < 0)
                return r < 0 ? r : -errno;
        for (int i = 0; i < 3 && r == 0; i++)
                if (pipe2(pipes[i], O_CLOEXEC) < 0)
                        r = -errno;
        if (r == 0) {
                out->pid = fork();
                if (out->pid == 0)
                        child_main(program, options, environment,
                                   options->stdin_fd > 0 ? options->stdin_fd : null, pipes[0][1], pipes[1][1],
                                   pipes[2][1]);
                if (out->pid < 0)
                        r = -errno;
        }
        for (int i = 0; i < 3; i++)
                if (pipes[i][1] >= 0)
                        close(pipes[i][1]);
        if (r == 0 && file_read_full(pipes[2][0], &failure, sizeof(failure)) == sizeof(failure)) {
                waitpid(out->pid, NULL, 0);
                r = -failure;
        }
        if (pipes[2][0] >= 0)
                close(pipes[2][0]);
        for (int i = 0; i < 2; i++) {
                if (r < 0 && pipes[i][0] >= 0)
                        close(pipes[i][0]);
                out->streams[i] = r < 0 ? -1 : pipes[i][0];
        }
        if (r == 0)
                out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
        return r;
}

/* Reads what is there, keeping at most `limit` bytes; closes at the end. */
static void stream_read(int *fd, struct buffer *into, size_t limit)
{
        uint8_t part[16 * KIB];
        ssize_t n = read(*fd, part, sizeof(part));

        if (n > 0 && into->size < limit) {
                size_t keep = limit - into->size < (size_t)n ? limit - into->size : (size_t)n;

                (void)buffer_append(into, part, keep);
        }
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
                close(*fd);
                *fd = -1;
        }
}

struct deadline {
        uint64_t term_us, kill_us; /* 0: none */
};

static int deadline_wait_ms(const struct deadline *deadline)
{
        uint64_t next = deadline->term_us ? deadline->term_us : deadline->kill_us, now = clock_monotonic_us();

        if (!next)
                return -1;
        return next <= now ? 0 : (int)((next - now) / 1000 + 1);
}

static void deadline_act(struct deadline *deadline, pid_t pid, struct process_result *result)
{
        uint64_t now = clock_monotonic_us();

        if (deadline->term_us && now >= deadline->term_us) {
                result->timed_out = true;
                kill(pid, SIGTERM);
                *deadline = (struct deadline){0, now + TERM_GRACE_US};
        } else if (deadline->kill_us && now >= deadline->kill_us) {
                kill(pid, SIGKILL);
                deadline->kill_us = 0;
        }
}

/* Until the program has ended. Its streams may be held open longer by children it left behind (a container's
 * monitor, say): they are not waited for. */
static void follow(struct running *running, const struct process_options *options,
                   struct process_result *result)
{
        size_t limit = options->output_limit ? options->output_limit : DEFAULT_OUTPUT_LIMIT;
        struct deadline deadline = {0};
        bool ended = false;

        if (options->timeout_ms > 0)
                deadline.term_us = clock_monotonic_us() + (uint64_t)options->timeout_ms * 1000;
        for (;;) {
                struct pollfd fds[3] = {{running->streams[0], POLLIN, 0},
                                        {running->streams[1], POLLIN, 0},
                                        {ended ? -1 : running->pidfd, POLLIN, 0}};
                int n = poll(fds, 3, ended ? 0 : deadline_wait_ms(&deadline));

                if (n < 0 && errno != EINTR)
                        break;
                deadline_act(&deadline, running->pid, result);
                if (n < 0)
                        continue;
                if (fds[0].revents)
                        stream_read(&running->streams[0], &result->output, limit);
                if (fds[1].revents)
                        stream_read(&running->streams[1], &result->errors, limit);
                if (fds[2].revents)
                        ended = true;
                else if (ended && n == 0)
                        break;
                if (running->streams[0] < 0 && running->streams[1] < 0 && (ended || running->pidfd < 0))
                        break;
        }
}

int process_run(const struct process_options *options, struct process_result *result, struct error *err)
{
        _cleanup_free_ char *program = process_find(options->argv[0]);
        struct running running = {.pidfd = -1, .streams = {-1, -1}};
        int status = 0, r;

        *result = (struct process_result){0};
        if (!program) {
                error_set(err, &ERROR_TOOL_MISSING, -ENOENT, "`%s` is not installed (not in PATH)",
                          options->argv[0]);
                return -ENOENT;
        }
        r = spawn(program, options, &running);
        if (r < 0)
                return error_errno(err, -r, "start `%s`", program);
        follow(&running, options, result);
        while (waitpid(running.pid, &status, 0) < 0 && errno == EINTR)
                ;
        for (int i = 0; i < 2; i++)
                if (running.streams[i] >= 0)
                        close(running.streams[i]);
        if (running.pidfd >= 0)
                close(running.pidfd);
        result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return 0;
}

int process_run_checked(const struct process_options *options, struct process_result *result,
                        struct error *err)
{
        int r = process_run(options, result, err);

        if (r < 0)
                return r;
        if (result->timed_out)
                return error_set(err, &ERROR_TIMEOUT, -ETIMEDOUT, "`%s` did not end within %d ms",
                                 options->argv[0], options->timeout_ms);
        if (result->exit_status == 0)
                return 0;
        r = error_set(err, &ERROR_TOOL_FAILED, -EIO, "`%s %s` failed with exit status %d", options->argv[0],
                      options->argv[1] ? options->argv[1] : "", result->exit_status);
        error_set_log(err, buffer_text(&result->errors));
        return r;
}

void process_result_free(struct process_result *result)
{
        buffer_free(&result->output);
        buffer_free(&result->errors);
}
