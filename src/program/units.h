/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and rates for people, and back. */
#ifndef SNAP_PROGRAM_UNITS_H
#define SNAP_PROGRAM_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNIT_TEXT_SIZE 32

/* Each writes into `out` and returns it. */
char *size_format(uint64_t bytes, char out[UNIT_TEXT_SIZE]); /* "308 B", "416.3 KiB": checkpointctl's form */
char *buffer_size_format(uint64_t bytes,
                         char out[UNIT_TEXT_SIZE]); /* "128.0 KB": its form for socket buffers */
char *statistic_format(uint64_t us,
                       char out[UNIT_TEXT_SIZE]); /* "918 µs", "146.07 ms": its form for CRIU's times */
char *duration_format(uint64_t us, char out[UNIT_TEXT_SIZE]); /* "0.9 ms", "146 ms", "2.35 s", "3 min 05 s" */
char *rate_format(uint64_t bytes, uint64_t us,
                  char out[UNIT_TEXT_SIZE]); /* "512.3 MiB/s"; "" when immeasurable */

/* Decimal digits only. */
bool number_parse(const char *text, uint64_t *out);
/* A number with an optional K, M, G or T ("KiB" and "KB" mean the same here). */
bool size_parse(const char *text, uint64_t *out);

#endif
