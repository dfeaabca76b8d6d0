/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The courier: a process of its own that makes one call to an engine and stays until the answer is there,
 * deaf to what ends sessions, whatever becomes of who sent it. Engines drop what they do for a caller who has
 * gone, half done: containerd then leaves the container frozen and calls it running.
 *
 * The sender may give up. The courier then goes on by itself, and undoes what the call brought. It is this
 * program, started anew under the name "snap-courier" (courier.c takes it over before main), because
 * libraries cannot be used after a fork of a process that has threads.
 */
#ifndef SNAP_RUNTIME_COURIER_H
#define SNAP_RUNTIME_COURIER_H

#include <limits.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/progress.h"

#define COURIER_URL_MAX 1024
#define COURIER_ID_MAX  256

enum errand_kind { ERRAND_CRI, ERRAND_KUBELET };

/* What is to be called; texts may be "". Sent as it is, to the same program. */
struct errand {
        enum errand_kind kind;
        char container[COURIER_ID_MAX]; /* id … */
        char name[COURIER_URL_MAX];     /* … and name, for people */
        char location[PATH_MAX];        /* where the archive is to be */
        char socket[PATH_MAX];          /* the engine's */
        char mark[PATH_MAX];            /* mark_undo() it when nobody waits any more (mark.h) */
        char url[COURIER_URL_MAX];      /* kubelet: the whole address of the request … */
        char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX], token_file[PATH_MAX];
        char directory[PATH_MAX]; /* … and where it writes archives … */
        char prefix[NAME_MAX];    /* … whose names begin so */
};

struct courier;

/* `lock` and `keeper` (lock.h) are held until the call has ended, too. */
int courier_send(const struct errand *errand, int lock, int keeper, struct courier **out, struct error *err);
/* Waits for the answer. 1: the archive is at errand->location. 0: not within `milliseconds`. Else the failure
 * of the call; -EPIPE (ERROR_RUNTIME_FAILED) when the courier was killed, so that the call was dropped. */
int courier_wait(struct courier *courier, unsigned milliseconds, struct error *err);
/* Gives up, unless the answer has come. */
void courier_free(struct courier *courier);
CLEANUP_DEFINE(struct courier *, courier_free);
#define _cleanup_courier_ _cleanup_(courier_freep)

#endif
