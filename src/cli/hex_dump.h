/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a process in checkpointctl's form: a row for each 16 bytes, "ADDRESS  xx xx …  |text|". A
 * short one leaves out rows that say what the row before said: one "*" stands for all of them.
 */
#ifndef SNAP_CLI_HEX_DUMP_H
#define SNAP_CLI_HEX_DUMP_H

#include "archive/memory_scan.h"

#define HEX_ROW_BYTES 16
#define HEX_ROW_SIZE  86 /* characters, with the line end */

/* Writes the rows of `size` bytes, a multiple of HEX_ROW_BYTES, and returns the end of what was written. */
char *hex_rows(uint64_t address, const uint8_t *data, size_t size, char *out);

/* All memory of a process, in the short form. See memory_scan_run for `dump` and
 * `absent`. */
int hex_dump_print(struct archive *archive, struct criu_dump **dump, pid_t pid, int fd, uint64_t *absent,
                   struct error *err);
/* Every row of it, into an empty file, a pipe or a device. */
int hex_dump_save(struct archive *archive, struct criu_dump **dump, pid_t pid, int fd,
                  const struct progress *progress, uint64_t *absent, struct error *err);

#endif
