/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include "node/node_private.h"

#define EVENTS         (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define SETTLE_MS      6000 /* a little more than an archive must be old */
#define QUIET_MS       1000 /* events come in swarms */
#define ADOPT_PRIORITY (-10)
#define WATCH_STACK    (256 * KIB)

struct directory_watch {
        struct node *node;
        int changes, end;
        pthread_t thread;
};

static bool is_to_do(const struct adopt_plan *plan)
{
        return plan->unknown_count || plan->leftover_count || plan->lost_count;
}

static int watch_directory(const struct directory_watch *watch)
{
        return inotify_add_watch(watch->changes, watch->node->options.directory, EVENTS);
}

/* How long until the next look; -1: when something changes. */
static int look(const struct directory_watch *watch)
{
        struct node *node = watch->node;
        const struct node_request request = {
                .kind = "adopt", .requester = "", .priority = ADOPT_PRIORITY, .body = SLICE_TEXT("{}")};
        _cleanup_adopt_plan_ struct adopt_plan plan = {0};
        char id[UNIQUE_ID_SIZE];

        /* Anew: a disk that was away and has come back is not watched any more. */
        (void)watch_directory(watch);
        if (adopt_scan(node, &plan, NULL) < 0)
                return SETTLE_MS;
        if (is_to_do(&plan) && node_submit(node, &request, id, NULL) < 0)
                return SETTLE_MS;
        return plan.again ? SETTLE_MS : -1;
}

/* Reads what has happened away. */
static void drain(int fd)
{
        char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(fd, events, sizeof(events)) > 0)
                ;
}

static void *watch_main(void *argument)
{
        struct directory_watch *watch = argument;
        int wait_ms = look(watch);

        for (;;) {
                struct pollfd fds[2] = {{watch->end, POLLIN, 0}, {watch->changes, POLLIN, 0}};

                (void)poll(fds, 2, wait_ms);
                /* The swarm that this event begins; the end comes through at once. */
                if (fds[1].revents && !fds[0].revents)
                        (void)poll(fds, 1, QUIET_MS);
                if (fds[0].revents)
                        return NULL;
                drain(watch->changes);
                wait_ms = look(watch);
        }
}

static int thread_start(struct directory_watch *watch, struct error *err)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        int r;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, WATCH_STACK);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&watch->thread, &attributes, watch_main, watch);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return r ? error_errno(err, r, "start a thread that watches the archives' directory") : 0;
}

static void watch_free(struct directory_watch *watch)
{
        cleanup_close(&watch->changes);
        cleanup_close(&watch->end);
        free(watch);
}
CLEANUP_DEFINE(struct directory_watch *, watch_free);

int directory_watch_start(struct node *node, struct directory_watch **out, struct error *err)
{
        _cleanup_(watch_freep) struct directory_watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return error_oom(err);
        watch->node = node;
        watch->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        watch->end = eventfd(0, EFD_CLOEXEC);
        if (watch->changes < 0 || watch->end < 0 || watch_directory(watch) < 0)
                return error_errno(err, errno, "watch `%s`", node->options.directory);
        r = thread_start(watch, err);
        if (r == 0)
                *out = steal_ptr(watch);
        return r;
}

void directory_watch_stop(struct directory_watch *watch)
{
        const uint64_t one = 1;

        (void)!write(watch->end, &one, sizeof(one));
        pthread_join(watch->thread, NULL);
        watch_free(watch);
}
