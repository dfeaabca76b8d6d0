/* SPDX-License-Identifier: Apache-2.0 */
/* Time and identity. */
#ifndef SNAP_BASE_CLOCK_H
#define SNAP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Monotonic microseconds. */
uint64_t clock_monotonic_us(void);
/* Nanoseconds since 1970, UTC. */
int64_t clock_realtime_ns(void);

#define RFC3339_SIZE 40
/* "2026-11-23T04:19:10.123456789Z" (RFC 3339, UTC; no fraction when it is zero) into `out`; returns `out`. */
char *rfc3339_format(int64_t realtime_ns, char out[RFC3339_SIZE]);
/* Any RFC 3339 offset. Go's zero time "0001-01-01T00:00:00Z" gives 0. False when malformed. */
bool rfc3339_parse(const char *text, int64_t *realtime_ns);

#define UNIQUE_ID_SIZE 27
/* 26 characters that sort by time and never repeat (48 bits of milliseconds, 80 random bits; ULID layout). */
char *unique_id(char out[UNIQUE_ID_SIZE]);

#endif
