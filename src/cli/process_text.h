/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines and environments, read from the memory that a dump holds. Where the archive can be sought
 * into, only these bytes are read; a compressed archive without an index is read once for all processes.
 */
#ifndef SNAP_CLI_PROCESS_TEXT_H
#define SNAP_CLI_PROCESS_TEXT_H

#include "archive/archive.h"
#include "cli/process_order.h"

/* Of one process and of all together: far above the kernel's ARG_MAX habits, far below our memory. */
#define PROCESS_TEXT_LIMIT       (2 * MIB)
#define PROCESS_TEXT_TOTAL_LIMIT (8 * MIB)

/* As in /proc: strings that end in NUL. Empty when the dump does not hold them. */
struct process_text {
        struct buffer arguments, environment;
};

struct process_texts {
        struct process_text *items; /* one for each place */
        size_t count;
};

int process_texts_read(struct archive *archive, const struct process_place *places, size_t count,
                       bool with_arguments, bool with_environment, struct process_texts **out,
                       struct error *err);
void process_texts_free(struct process_texts *texts);
CLEANUP_DEFINE(struct process_texts *, process_texts_free);
#define _cleanup_process_texts_ _cleanup_(process_texts_freep)

/* The arguments joined by blanks; to be freed. */
char *process_text_command(const struct process_text *text);
/* Cuts the next string off `rest`; false at the end. Empty ones are skipped. */
bool process_text_next(struct slice *rest, struct slice *out);
/* The variables in the order of their text; one without "=" has no value and gets one. `out` is to be freed
 * with process_environment_free. Returns their number. */
size_t process_environment(const struct process_text *text, char ***out);
void process_environment_free(char **variables, size_t count);

#endif
