/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "base/clock.h"
#include "base/file.h"

/* As much as one splice of CRIU carries; larger pipes save wake-ups. */
#define PIPE_SIZE  (1 << 20)
#define BLOCK_SIZE (1 << 20)
/* How often cancellation and the deadline are looked at, and how long one pipe may be silent before the
 * others are looked at. */
#define POLL_MS           20
#define PROGRESS_EVERY_US 100000

enum pipe_state { PIPE_WAITING, PIPE_OPEN, PIPE_ENDED };

struct page_pipe {
        int fd;    /* our end; -1 when closed */
        int spill; /* unnamed file with what came while another pipe was being copied; -1: none */
        enum pipe_state state;
};

struct pages {
        int dir; /* borrowed */
        uint64_t size;
        uint8_t *block; /* for what is spilled */
        unsigned count;
        struct page_pipe pipes[];
};

static void pipe_name(unsigned index, char name[32])
{
        snprintf(name, 32, "pages-%u.img", index + 1);
}

/* Without O_NONBLOCK this would wait for CRIU. */
static int pipe_open(int dir, unsigned index)
{
        char name[32];

        pipe_name(index, name);
        return openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

static int pipe_make(int dir, unsigned index, struct page_pipe *out, struct error *err)
{
        char name[32];

        pipe_name(index, name);
        if (mkfifoat(dir, name, 0600) < 0)
                return error_errno(err, errno, "make the named pipe `%s`", name);
        out->fd = pipe_open(dir, index);
        if (out->fd < 0)
                return error_errno(err, errno, "open the named pipe `%s`", name);
        return 0;
}

static int pages_new(int dir, unsigned most, struct pages **out, struct error *err)
{
        _cleanup_pages_ struct pages *pages = calloc(1, sizeof(*pages) + most * sizeof(pages->pipes[0]));

        if (!pages)
                return error_oom(err);
        pages->dir = dir;
        pages->block = malloc(BLOCK_SIZE);
        if (!pages->block)
                return error_oom(err);
        *out = steal_ptr(pages);
        return 0;
}

int pages_open(int dir, unsigned count, struct pages **out, struct error *err)
{
        _cleanup_pages_ struct pages *pages = NULL;
        int r;

        if (count > PAGES_MOST)
                count = PAGES_MOST;
        r = pages_new(dir, count, &pages, err);
        for (unsigned i = 0; r == 0 && i < count; i++) {
                pages->pipes[i] = (struct page_pipe){-1, -1, PIPE_WAITING};
                pages->count = i + 1;
                r = pipe_make(dir, i, &pages->pipes[i], err);
        }
        if (r < 0)
                return r;
        *out = steal_ptr(pages);
        return 0;
}

int pages_adopt(int dir, struct pages **out, struct error *err)
{
        _cleanup_pages_ struct pages *pages = NULL;
        int r = pages_new(dir, PAGES_MOST, &pages, err);

        while (r == 0 && pages->count < PAGES_MOST) {
                struct stat status;
                int fd = pipe_open(dir, pages->count);

                if (fd < 0)
                        break;
                pages->pipes[pages->count++] = (struct page_pipe){fd, -1, PIPE_WAITING};
                /* Beyond the pipes CRIU makes ordinary files. */
                if (fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
                        break;
        }
        if (r < 0)
                return r;
        *out = steal_ptr(pages);
        return 0;
}

static void pipes_close(struct pages *pages)
{
        for (unsigned i = 0; i < pages->count; i++)
                if (pages->pipes[i].fd >= 0)
                        close(steal_fd(&pages->pipes[i].fd));
}

void pages_free(struct pages *pages)
{
        pipes_close(pages);
        for (unsigned i = 0; i < pages->count; i++)
                if (pages->pipes[i].spill >= 0)
                        close(pages->pipes[i].spill);
        free(pages->block);
        free(pages);
}

uint64_t pages_size(const struct pages *pages)
{
        return pages->size;
}

size_t pages_descriptors(const struct pages *pages, int *out)
{
        size_t count = 0;

        out[count++] = pages->dir;
        for (unsigned i = 0; i < pages->count; i++)
                if (pages->pipes[i].fd >= 0)
                        out[count++] = pages->pipes[i].fd;
        return count;
}

/* Bytes read, 0 when CRIU has closed the pipe, -EAGAIN when there is nothing now. */
static ssize_t pipe_read(struct pages *pages, struct page_pipe *pipe)
{
        ssize_t n;

        do
                n = read(pipe->fd, pages->block, BLOCK_SIZE);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* Before its first writer, and between writers, a pipe reads as ended: poll tells those apart. */
static short pipe_poll(const struct page_pipe *pipe, int timeout_ms)
{
        struct pollfd fd = {pipe->fd, POLLIN, 0};

        return poll(&fd, 1, timeout_ms) > 0 ? fd.revents : 0;
}

struct copy {
        struct pages *pages;
        struct archive_writer *writer;
        const struct progress *progress;
        struct error *err;
        int done_fd;
        uint64_t deadline_us, told_us;
        bool ended; /* the dump */
};

/* Progress, cancellation, deadline, end of the dump. */
static int copy_check(struct copy *copy)
{
        struct pollfd done = {copy->done_fd, POLLIN, 0};
        uint64_t now = clock_monotonic_us();

        if (!copy->ended && poll(&done, 1, 0) > 0)
                copy->ended = true;
        if (now - copy->told_us >= PROGRESS_EVERY_US) {
                progress_step(copy->progress, "dump", copy->pages->size, 0);
                copy->told_us = now;
        }
        if (progress_cancelled(copy->progress))
                return error_set(copy->err, &ERROR_CANCELLED, -ECANCELED, "cancelled during the dump");
        if (copy->deadline_us && now >= copy->deadline_us)
                return error_set(copy->err, &ERROR_TIMEOUT, -ETIMEDOUT,
                                 "the dump was not finished within the time allowed");
        return 0;
}

/* Moves what a pipe holds, while another is being copied, into a file: CRIU must never wait for us in vain.
 */
static int spill(struct copy *copy, struct page_pipe *pipe)
{
        if (pipe->spill < 0)
                pipe->spill = openat(copy->pages->dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (pipe->spill < 0)
                return error_errno(copy->err, errno, "make a file for pages that came out of turn");
        for (;;) {
                ssize_t n = pipe_read(copy->pages, pipe);
                int r;

                if (n == -EAGAIN)
                        return 0;
                if (n <= 0)
                        return n < 0 ? error_errno(copy->err, (int)-n, "read CRIU's pages") : 0;
                r = file_write_full(pipe->spill, copy->pages->block, (size_t)n);
                if (r < 0)
                        return error_errno(copy->err, -r, "write pages that came out of turn");
        }
}

static int spill_others(struct copy *copy, const struct page_pipe *current)
{
        for (unsigned i = 0; i < copy->pages->count; i++) {
                struct page_pipe *other = &copy->pages->pipes[i];
                int r = 0;

                if (other != current && other->state != PIPE_ENDED && pipe_poll(other, 0) & POLLIN)
                        r = spill(copy, other);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_spilled(struct copy *copy, struct page_pipe *pipe)
{
        if (pipe->spill < 0)
                return 0;
        if (lseek(pipe->spill, 0, SEEK_SET) < 0)
                return error_errno(copy->err, errno, "read pages that came out of turn");
        for (;;) {
                ssize_t n = file_read_full(pipe->spill, copy->pages->block, BLOCK_SIZE);
                int r;

                if (n <= 0) {
                        close(steal_fd(&pipe->spill));
                        return n < 0 ? error_errno(copy->err, (int)-n, "read pages that came out of turn")
                                     : 0;
                }
                copy->pages->size += (uint64_t)n;
                r = archive_writer_append(copy->writer, copy->pages->block, (size_t)n, copy->err);
                if (r < 0)
                        return r;
        }
}

/* One pipe from its first byte to its end. */
static int copy_pipe(struct copy *copy, unsigned index)
{
        struct page_pipe *pipe = &copy->pages->pipes[index];
        char name[32], member[64];
        int r;

        pipe_name(index, name);
        snprintf(member, sizeof(member), "checkpoint/%s", name);
        pipe->state = PIPE_OPEN;
        /* Smaller is only slower: without CAP_SYS_RESOURCE pipe-max-size may be in the way. */
        (void)fcntl(pipe->fd, F_SETPIPE_SZ, PIPE_SIZE);
        r = archive_writer_begin(copy->writer, member, 0600, copy->err);
        if (r == 0)
                r = append_spilled(copy, pipe);
        while (r == 0) {
                short events = pipe_poll(pipe, POLL_MS);
                ssize_t n = events ? archive_writer_append_read(copy->writer, pipe->fd, copy->err) : -EAGAIN;

                if (n == 0)
                        break;
                if (n > 0)
                        copy->pages->size += (uint64_t)n;
                else
                        r = n == -EAGAIN ? spill_others(copy, pipe) : (int)n;
                if (r == 0)
                        r = copy_check(copy);
        }
        if (r == 0)
                r = archive_writer_end(copy->writer, copy->err);
        pipe->state = PIPE_ENDED;
        return r;
}

/* The next pipe that CRIU has opened and not yet closed, or has left something in; -1 when there is none now.
 */
static int pipe_next(const struct pages *pages, int timeout_ms, int done_fd)
{
        struct pollfd fds[PAGES_MOST + 1];

        for (unsigned i = 0; i < pages->count; i++)
                fds[i] = (struct pollfd){pages->pipes[i].state == PIPE_ENDED ? -1 : pages->pipes[i].fd,
                                         POLLIN, 0};
        fds[pages->count] = (struct pollfd){done_fd, POLLIN, 0};
        if (poll(fds, pages->count + 1, timeout_ms) <= 0)
                return -1;
        for (unsigned i = 0; i < pages->count; i++)
                if (fds[i].fd >= 0 && (fds[i].revents || pages->pipes[i].spill >= 0))
                        return (int)i;
        return -1;
}

int pages_copy(struct pages *pages, struct archive_writer *writer, int done_fd, uint64_t deadline_us,
               const struct progress *progress, struct error *err)
{
        struct copy copy = {pages, writer, progress, err, done_fd, deadline_us, 0, false};
        int r = 0;

        while (r == 0) {
                bool ended = copy.ended;
                int next = pipe_next(pages, ended ? 0 : POLL_MS, ended ? -1 : done_fd);

                if (next >= 0)
                        r = copy_pipe(&copy, (unsigned)next);
                else if (ended)
                        break;
                if (r == 0)
                        r = copy_check(&copy);
        }
        return r;
}

void pages_break(struct pages *pages)
{
        for (unsigned i = 0; i < pages->count; i++) {
                char name[32], aside[48];

                pipe_name(i, name);
                snprintf(aside, sizeof(aside), "%s.broken", name);
                /* Exchanged in one step: were the name free for a moment, CRIU could make a file there. */
                if (pages->pipes[i].fd >= 0 && mkdirat(pages->dir, aside, 0700) == 0)
                        (void)renameat2(pages->dir, aside, pages->dir, name, RENAME_EXCHANGE);
        }
        pipes_close(pages);
}

int pages_remove(struct pages *pages, struct error *err)
{
        pipes_close(pages);
        for (unsigned i = 0; i < pages->count; i++) {
                char name[32];

                pipe_name(i, name);
                if (unlinkat(pages->dir, name, 0) < 0)
                        return error_errno(err, errno, "remove the named pipe `%s`", name);
        }
        return 0;
}
