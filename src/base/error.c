/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

const struct error_kind ERROR_INTERNAL = {
        "SNAP-001", EXIT_ERROR, 500, "internal error",
        "This is a defect of this program; please report it with its output."};
const struct error_kind ERROR_USAGE = {"SNAP-002", EXIT_USAGE, 400, "the command line or request is wrong",
                                       "Run the command with --help to see what it takes."};
const struct error_kind ERROR_IO = {"SNAP-003", EXIT_ERROR, 500, "reading or writing failed",
                                    "Check the disk and the kernel log (dmesg)."};
const struct error_kind ERROR_NO_SPACE = {
        "SNAP-004", EXIT_NO_SPACE, 507, "no space left",
        "Free space or choose another place for the output; nothing was kept."};
const struct error_kind ERROR_NO_MEMORY = {"SNAP-005", EXIT_NO_SPACE, 503, "out of memory",
                                           "Free memory or raise the memory limit of this process."};
const struct error_kind ERROR_NOT_FOUND = {"SNAP-006", EXIT_NOT_FOUND, 404, "it does not exist",
                                           "Check the name."};
const struct error_kind ERROR_EXISTS = {"SNAP-007", EXIT_ERROR, 409, "it exists already",
                                        "Choose another name or remove what is there."};
const struct error_kind ERROR_ACCESS = {"SNAP-008", EXIT_ERROR, 403, "permission denied",
                                        "Run as root: checkpoints hold the memory of other processes."};
const struct error_kind ERROR_BUSY = {"SNAP-009", EXIT_BUSY, 409, "somebody else is using it",
                                      "Wait for the other operation to end and try again."};
const struct error_kind ERROR_TIMEOUT = {"SNAP-010", EXIT_TIMEOUT, 504, "it took longer than allowed",
                                         "Allow more time, or find out what holds it up."};
const struct error_kind ERROR_CANCELLED = {"SNAP-011", EXIT_CANCELLED, 499, "cancelled", NULL};
const struct error_kind ERROR_UNSUPPORTED = {"SNAP-012", EXIT_ERROR, 501, "not supported here", NULL};
const struct error_kind ERROR_BAD_INPUT = {"SNAP-013", EXIT_BAD_DATA, 400,
                                           "the input is not what it should be", NULL};
const struct error_kind ERROR_TOOL_MISSING = {"SNAP-014", EXIT_ERROR, 500,
                                              "a needed program or library is not installed",
                                              "Install the package that has it."};
const struct error_kind ERROR_TOOL_FAILED = {"SNAP-015", EXIT_RUNTIME, 500, "another program failed", NULL};
const struct error_kind ERROR_BAD_JSON = {"SNAP-016", EXIT_BAD_DATA, 400, "malformed JSON", NULL};
const struct error_kind ERROR_BAD_COMPRESSION = {"SNAP-017", EXIT_BAD_DATA, 400, "damaged compressed data",
                                                 "Copy the file again from where it came from."};
const struct error_kind ERROR_UNSAFE_NAME = {"SNAP-018", EXIT_BAD_DATA, 400,
                                             "a name leads out of its directory",
                                             "Do not trust where this came from."};

const struct error_kind *const base_error_kinds[] = {
        &ERROR_INTERNAL,
        &ERROR_USAGE,
        &ERROR_IO,
        &ERROR_NO_SPACE,
        &ERROR_NO_MEMORY,
        &ERROR_NOT_FOUND,
        &ERROR_EXISTS,
        &ERROR_ACCESS,
        &ERROR_BUSY,
        &ERROR_TIMEOUT,
        &ERROR_CANCELLED,
        &ERROR_UNSUPPORTED,
        &ERROR_BAD_INPUT,
        &ERROR_TOOL_MISSING,
        &ERROR_TOOL_FAILED,
        &ERROR_BAD_JSON,
        &ERROR_BAD_COMPRESSION,
        &ERROR_UNSAFE_NAME,
        NULL,
};

static void error_start(struct error *err, const struct error_kind *kind)
{
        err->kind = kind;
        err->hint[0] = '\0';
        err->log[0] = '\0';
}

int error_set(struct error *err, const struct error_kind *kind, int ret, const char *format, ...)
{
        va_list args;

        if (!err)
                return ret;
        error_start(err, kind);
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        return ret;
}

static const struct error_kind *kind_of_errno(int errnum)
{
        switch (errnum) {
        case ENOSPC:
        case EDQUOT:
                return &ERROR_NO_SPACE;
        case ENOMEM:
                return &ERROR_NO_MEMORY;
        case ENOENT:
        case ESRCH:
                return &ERROR_NOT_FOUND;
        case EEXIST:
                return &ERROR_EXISTS;
        case EACCES:
        case EPERM:
                return &ERROR_ACCESS;
        case EBUSY:
                return &ERROR_BUSY;
        case ETIMEDOUT:
                return &ERROR_TIMEOUT;
        case ECANCELED:
                return &ERROR_CANCELLED;
        case ENOTSUP:
        case ENOSYS:
                return &ERROR_UNSUPPORTED;
        case ELOOP:
        case EXDEV:
                return &ERROR_UNSAFE_NAME;
        default:
                return &ERROR_IO;
        }
}

int error_errno(struct error *err, int errnum, const char *format, ...)
{
        va_list args;
        size_t used;

        if (!err)
                return -errnum;
        error_start(err, kind_of_errno(errnum));
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                 strerrordesc_np(errnum) ?: "unknown error");
        return -errnum;
}

int error_oom(struct error *err)
{
        return error_set(err, &ERROR_NO_MEMORY, -ENOMEM, "out of memory");
}

int error_wrap(struct error *err, int ret, const char *format, ...)
{
        char inner[sizeof(err->text)];
        va_list args;
        size_t used;

        if (!err)
                return ret;
        memcpy(inner, err->text, sizeof(inner));
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
        return ret;
}

void error_set_hint(struct error *err, const char *format, ...)
{
        va_list args;

        if (!err)
                return;
        va_start(args, format);
        vsnprintf(err->hint, sizeof(err->hint), format, args);
        va_end(args);
}

void error_set_log(struct error *err, const char *lines)
{
        size_t size = strlen(lines);

        if (!err)
                return;
        if (size >= sizeof(err->log)) {
                const char *newline;

                lines += size - (sizeof(err->log) - 1);
                newline = strchr(lines, '\n');
                if (newline && newline[1])
                        lines = newline + 1;
        }
        snprintf(err->log, sizeof(err->log), "%s", lines);
}

const char *error_hint(const struct error *err)
{
        if (err->hint[0])
                return err->hint;
        return err->kind && err->kind->hint ? err->kind->hint : "";
}

const char *error_code(const struct error *err)
{
        return err->kind ? err->kind->code : "SNAP-000";
}

int error_exit_status(const struct error *err)
{
        return err->kind ? err->kind->exit_status : EXIT_ERROR;
}

void error_print(const struct error *err, FILE *out)
{
        const char *line = err->log;

        fprintf(out, "Error: %s [%s]\n", err->text, error_code(err));
        while (*line) {
                size_t size = strcspn(line, "\n");

                fprintf(out, "  | %.*s\n", (int)size, line);
                line += size + (line[size] == '\n');
        }
        if (*error_hint(err))
                fprintf(out, "Hint: %s\n", error_hint(err));
}
