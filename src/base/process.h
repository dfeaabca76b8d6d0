/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs: started by argument vector, never through a shell. */
#ifndef SNAP_BASE_PROCESS_H
#define SNAP_BASE_PROCESS_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

struct process_options {
        const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
        const char *const *environment; /* NULL-terminated "NAME=value" to add or replace; may be NULL */
        const char *directory;          /* working directory; NULL: ours */
        int timeout_ms;                 /* 0: none; at the end SIGTERM, two seconds later SIGKILL */
        size_t output_limit;            /* bytes kept of each stream; 0: 16 MiB */
        int stdin_fd;                   /* 0: /dev/null (our own standard input is never inherited) */
        bool own_session;               /* what is sent to our process group does not reach it */
};

struct process_result {
        int exit_status; /* of the program; 128 + signal when killed */
        bool timed_out;
        struct buffer output; /* standard output */
        struct buffer errors; /* standard error */
};

/*
 * Runs to the end. 0 when the program ran, whatever its exit status; negative errno when it could not be
 * started (ERROR_TOOL_MISSING when it is not in PATH). The child gets only descriptors 0 to 2.
 */
int process_run(const struct process_options *options, struct process_result *result, struct error *err);
/* The same, but a non-zero exit status is ERROR_TOOL_FAILED with the end of standard error as the log. */
int process_run_checked(const struct process_options *options, struct process_result *result,
                        struct error *err);
void process_result_free(struct process_result *result);
#define _cleanup_process_result_ _cleanup_(process_result_free)

/* Absolute path of a program in PATH, to be freed; NULL when absent. */
char *process_find(const char *program);

#endif
