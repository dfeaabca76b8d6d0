/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/warden.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include "runtime/cri.h"
#include "sidecar/log.h"

#define LOOK_SECONDS     60
#define PATIENCE_SECONDS 180 /* longer than the kubelet waits for a checkpoint, two minutes */

struct warden {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool ending;
};

static void look(void)
{
        struct error err = {0};
        unsigned released = 0;
        char count[16];

        if (cri_release_abandoned(PATIENCE_SECONDS, &released, &err) < 0)
                log_error("containers that stand frozen cannot be set free", &err);
        if (!released)
                return;
        snprintf(count, sizeof(count), "%u", released);
        log_event(LOG_LEVEL_WARNING, "containers set free that their engine had left frozen", "count", count,
                  NULL);
}

/* True: look again. */
static bool wait_for_next(struct warden *warden)
{
        struct timespec until;
        int ret = 0;
        bool again;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_SECONDS;
        pthread_mutex_lock(&warden->lock);
        while (!warden->ending && ret != ETIMEDOUT)
                ret = pthread_cond_timedwait(&warden->changed, &warden->lock, &until);
        again = !warden->ending;
        pthread_mutex_unlock(&warden->lock);
        return again;
}

static void *run(void *argument)
{
        do
                look();
        while (wait_for_next(argument));
        return NULL;
}

int warden_start(struct warden **out, struct error *err)
{
        _cleanup_free_ struct warden *warden = calloc(1, sizeof(*warden));
        pthread_condattr_t attributes;
        sigset_t all, before;
        int ret;

        if (!warden)
                return error_oom(err);
        pthread_mutex_init(&warden->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&warden->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ret = pthread_create(&warden->thread, NULL, run, warden);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (ret)
                return error_errno(err, ret, "start a thread");
        *out = steal_ptr(warden);
        return 0;
}

void warden_stop(struct warden *warden)
{
        pthread_mutex_lock(&warden->lock);
        warden->ending = true;
        pthread_cond_signal(&warden->changed);
        pthread_mutex_unlock(&warden->lock);
        pthread_join(warden->thread, NULL);
        pthread_cond_destroy(&warden->changed);
        pthread_mutex_destroy(&warden->lock);
        free(warden);
}
