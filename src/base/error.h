/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. A function that can fail returns 0 or a negative errno and takes, as its last parameter, a caller's
 * stack object that it fills: a kind (stable code, exit status, HTTP status), one sentence that names the
 * object and the reason, a hint that says what to do, and, where another program failed, that program's
 * decisive lines. No allocation, so that reporting works when memory does not. `err` may be NULL everywhere.
 */
#ifndef SNAP_BASE_ERROR_H
#define SNAP_BASE_ERROR_H

#include <stdio.h>

/* What all errors of one kind share. Kinds are constants; each layer defines its own in its errors.c. */
struct error_kind {
        const char *code; /* stable, never reused: "SNAP-101"; docs/errors.md has an entry for each */
        int exit_status;  /* of a command line, see enum exit_status */
        int http_status;
        const char *title; /* the cause in a few words */
        const char *hint;  /* what to do, the default; NULL: nothing general can be said */
};

/* Exit statuses of all programs; documented in the man pages. */
enum exit_status {
        EXIT_OK = 0,
        EXIT_ERROR = 1,      /* anything without a status of its own */
        EXIT_USAGE = 2,      /* the command line is wrong */
        EXIT_NOT_FOUND = 3,  /* no such container, file, image */
        EXIT_BAD_DATA = 4,   /* an archive, image or record is damaged or refused */
        EXIT_PREFLIGHT = 5,  /* this container or host cannot do it; nothing was changed */
        EXIT_RUNTIME = 6,    /* the container runtime or CRIU failed */
        EXIT_NO_SPACE = 7,   /* disk or memory is full */
        EXIT_BUSY = 8,       /* somebody else is at it */
        EXIT_TIMEOUT = 9,    /* it took longer than was allowed */
        EXIT_CANCELLED = 130 /* interrupted by the user */
};

struct error {
        const struct error_kind *kind; /* NULL: no error */
        char text[1024];
        char hint[768];
        char log[3072]; /* lines of the program that failed, newest last; may be empty */
};

/* Sets the error and returns `ret` (a negative errno), so that `return error_set(...)` reads well. */
int error_set(struct error *err, const struct error_kind *kind, int ret, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The same for a failed system call: the kind follows from `errnum` (positive), whose text is appended. */
int error_errno(struct error *err, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Out of memory. Returns -ENOMEM. */
int error_oom(struct error *err);

/* Puts context before the text: "context: text". Returns `ret`. */
int error_wrap(struct error *err, int ret, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Replaces the hint. */
void error_set_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the last part of `lines` that fits, cut at a line. */
void error_set_log(struct error *err, const char *lines);

/* Hint to show: the error's own, else its kind's, else "". Borrowed. */
const char *error_hint(const struct error *err);

/* Code and exit status; "SNAP-000" and EXIT_ERROR where no kind was set. */
const char *error_code(const struct error *err);
int error_exit_status(const struct error *err);

/* "Error: text [code]", the log lines indented, "Hint: ...". */
void error_print(const struct error *err, FILE *out);

/* Kinds that need no domain. */
extern const struct error_kind ERROR_INTERNAL, ERROR_USAGE, ERROR_IO, ERROR_NO_SPACE, ERROR_NO_MEMORY,
        ERROR_NOT_FOUND, ERROR_EXISTS, ERROR_ACCESS, ERROR_BUSY, ERROR_TIMEOUT, ERROR_CANCELLED,
        ERROR_UNSUPPORTED, ERROR_BAD_INPUT, ERROR_TOOL_MISSING, ERROR_TOOL_FAILED, ERROR_BAD_JSON,
        ERROR_BAD_COMPRESSION, ERROR_UNSAFE_NAME;

/* All kinds of a layer, NULL-terminated: for the documentation and its test. */
extern const struct error_kind *const base_error_kinds[];

#endif
