/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What breaks off a capture that is at work: the agent's own reasons (a phase that the disk would not have, a
 * hook, others who fill the disk) beside a person who cancels it. The capture only hears that it is
 * cancelled; what it then fails with is turned into the reason.
 */
#ifndef SNAP_NODE_BREAKER_H
#define SNAP_NODE_BREAKER_H

#include "node/job.h"

struct breaker {
        struct job *job; /* borrowed */
        int broken;      /* a negative errno; 0: not by us */
        struct error why;
        uint64_t looked_us; /* at the disk */
};

/* Breaks it off; the first reason stands. */
void breaker_break(struct breaker *breaker, int r, const struct error *why);
/* Begins a phase of the job that has not begun; breaks it off when that fails. */
void breaker_enter(struct breaker *breaker, enum operation_phase phase);
/* Whether it is to end: broken off, cancelled, or, looked at now and then, the disk is below the reserve. */
bool breaker_cancelled(struct breaker *breaker);
/* What came of the capture, `r` with `err`: our own reason where that is why it ended. */
int breaker_result(const struct breaker *breaker, int r, struct error *err);

#endif
