/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include "program/signals.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
        interrupted = 1;
}

/* A handler instead of SIG_IGN, which programs that we start would inherit. */
static void on_pipe(int number)
{
}

void signals_catch(void)
{
        struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

        sigemptyset(&action.sa_mask);
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigaction(SIGHUP, &action, NULL);
        action.sa_handler = on_pipe;
        (void)sigaction(SIGPIPE, &action, NULL);
}

bool signals_interrupted(void)
{
        return interrupted;
}

/* The signals are blocked but while it waits, so that none is missed between looking and waiting. */
void signals_wait(void)
{
        sigset_t stop, before;

        sigemptyset(&stop);
        sigaddset(&stop, SIGINT);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &stop, &before);
        while (!signals_interrupted())
                (void)ppoll(NULL, 0, NULL, &before);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}
