/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include "base/file.h"

#define FEED_NAME "feed.tar"
#define FEED_NEXT "feed.next"
#define WAIT_NS   2000000L
#define PIPE_SIZE (1 << 20)

struct feed {
        const struct archive *archive;
        char *path, *next;
        char *shown; /* `path` by way of this process */
        pthread_t thread;
        bool started;
        atomic_bool stop;
        int ret; /* of the last delivery; read when the thread has ended */
        struct error why;
};

struct delivery {
        const struct feed *feed;
        int fd;
};

static int deliver(void *context, const struct archive_member *member, struct slice raw, struct error *err)
{
        const struct delivery *delivery = context;
        int ret;

        if (atomic_load(&delivery->feed->stop))
                return -EPIPE;
        ret = file_write_full(delivery->fd, raw.data, raw.size);
        /* The reader has seen enough. */
        return ret < 0 && ret != -EPIPE ? error_errno(err, -ret, "cannot hand the archive on") : ret;
}

/* Waits for a reader; a pipe can be opened for writing only when there is one. */
static int wait_for_reader(const struct feed *feed)
{
        while (!atomic_load(&feed->stop)) {
                int fd = open(feed->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

                if (fd >= 0)
                        return fd;
                if (errno != ENXIO && errno != EINTR)
                        return -errno;
                nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
        }
        return -ECANCELED;
}

/* Each reader gets a pipe of its own: a new one takes the name as soon as the old one has been opened. */
static int serve_once(struct feed *feed)
{
        _cleanup_close_ int fd = wait_for_reader(feed);
        struct delivery delivery = {.feed = feed, .fd = fd};
        int ret;

        if (fd < 0)
                return fd;
        if (mkfifo(feed->next, 0600) < 0 || rename(feed->next, feed->path) < 0)
                return error_errno(&feed->why, errno, "cannot make the pipe %s", feed->path);
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
        if (fcntl(fd, F_SETFL, O_WRONLY) < 0)
                return error_errno(&feed->why, errno, "cannot use the pipe %s", feed->path);
        ret = archive_stream(feed->archive, deliver, &delivery, &feed->why);
        return ret == -EPIPE ? 0 : ret;
}

static void *serve(void *argument)
{
        struct feed *feed = argument;
        sigset_t broken_pipe;

        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
        do
                feed->ret = serve_once(feed);
        while (feed->ret == 0);
        if (feed->ret == -ECANCELED)
                feed->ret = 0;
        return NULL;
}

static void feed_join(struct feed *feed)
{
        atomic_store(&feed->stop, true);
        if (feed->started)
                pthread_join(feed->thread, NULL);
        feed->started = false;
}

int feed_open(const struct archive *archive, const char *directory, struct feed **out, struct error *err)
{
        _cleanup_feed_ struct feed *feed = calloc(1, sizeof(*feed));
        _cleanup_free_ char *absolute = NULL;
        int ret;

        if (!feed)
                return error_oom(err);
        feed->archive = archive;
        if (asprintf(&feed->path, "%s/" FEED_NAME, directory) < 0) {
                feed->path = NULL;
                return error_oom(err);
        }
        if (asprintf(&feed->next, "%s/" FEED_NEXT, directory) < 0) {
                feed->next = NULL;
                return error_oom(err);
        }
        absolute = realpath(directory, NULL);
        if (!absolute)
                return error_errno(err, errno, "cannot use %s", directory);
        if (asprintf(&feed->shown, "/proc/%d/root%s/" FEED_NAME, getpid(), absolute) < 0) {
                feed->shown = NULL;
                return error_oom(err);
        }
        if (mkfifo(feed->path, 0600) < 0)
                return error_errno(err, errno, "cannot make the pipe %s", feed->path);
        ret = pthread_create(&feed->thread, NULL, serve, feed);
        if (ret)
                return error_errno(err, ret, "cannot start a thread");
        feed->started = true;
        *out = steal_ptr(feed);
        return 0;
}

const char *feed_path(const struct feed *feed)
{
        return feed->shown;
}

int feed_error(struct feed *feed, struct error *err)
{
        feed_join(feed);
        if (feed->ret < 0 && err)
                *err = feed->why;
        return feed->ret;
}

void feed_free(struct feed *feed)
{
        if (!feed)
                return;
        feed_join(feed);
        if (feed->path)
                unlink(feed->path);
        if (feed->next)
                unlink(feed->next);
        free(feed->path);
        free(feed->next);
        free(feed->shown);
        free(feed);
}

void feed_abandon(int dir)
{
        /* Whoever waits for us to open it is let in, and is at the end when we close it. */
        _cleanup_close_ int fd = openat(dir, FEED_NAME, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

        (void)unlinkat(dir, FEED_NAME, 0);
}
