/* SPDX-License-Identifier: Apache-2.0 */
#include "sidecar/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

static const char *audit_path;

/* As ASCII: names and texts come from outside, and lines end on terminals. */
static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
        _cleanup_free_ char *plain = strdup(text);

        for (char *p = plain; p && *p; p++)
                if (*p & 0x80)
                        *p = '?';
        yyjson_mut_obj_add(object, yyjson_mut_str(doc, name), yyjson_mut_strcpy(doc, plain));
}

/* One line, with its end. */
static int format(struct buffer *out, const char *level, const char *event, va_list pairs)
{
        _cleanup_json_mut_ yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
        yyjson_mut_val *object = doc ? yyjson_mut_obj(doc) : NULL;
        char time[RFC3339_SIZE];
        const char *name;
        int ret;

        if (!object)
                return -ENOMEM;
        yyjson_mut_doc_set_root(doc, object);
        add_text(doc, object, "time", rfc3339_format(clock_realtime_ns(), time));
        add_text(doc, object, "level", level);
        add_text(doc, object, "event", event);
        while ((name = va_arg(pairs, const char *))) {
                const char *text = va_arg(pairs, const char *);

                if (text)
                        add_text(doc, object, name, text);
        }
        ret = json_write(doc, false, out, NULL);
        return ret < 0 ? ret : buffer_append_text(out, "\n");
}

/* In one write, so that lines of several threads do not mix. Nobody can be told when this fails. */
static void print(const struct buffer *line)
{
        (void)file_write_full(STDERR_FILENO, line->data, line->size);
}

void log_event(enum log_level level, const char *event, ...)
{
        static const char *const names[] = {"info", "warning", "error"};
        _cleanup_buffer_ struct buffer line = {0};
        va_list pairs;

        va_start(pairs, event);
        if (format(&line, names[level], event, pairs) == 0)
                print(&line);
        va_end(pairs);
}

void log_error(const char *event, const struct error *error)
{
        log_event(LOG_LEVEL_ERROR, event, "code", error_code(error), "text", error->text, "hint",
                  error_hint(error), NULL);
}

static int open_audit(void)
{
        int fd = open(audit_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        return fd < 0 ? -errno : fd;
}

int log_set_audit(const char *path, struct error *err)
{
        int fd;

        audit_path = path;
        fd = path ? open_audit() : 0;
        if (fd < 0)
                return error_errno(err, -fd, "open `%s`", path);
        if (path)
                close(fd);
        return 0;
}

/* What is to be kept is kept somewhere: in the log when the file cannot be written. */
static void write_audit(const struct buffer *line)
{
        int fd = open_audit(), ret = fd < 0 ? fd : file_write_full(fd, line->data, line->size);

        if (fd >= 0)
                close(fd);
        if (ret == 0)
                return;
        log_event(LOG_LEVEL_ERROR, "audit file cannot be written", "path", audit_path, "text",
                  strerrordesc_np(-ret), NULL);
        print(line);
}

void log_audit(const char *event, ...)
{
        _cleanup_buffer_ struct buffer line = {0};
        va_list pairs;

        va_start(pairs, event);
        if (format(&line, "audit", event, pairs) == 0) {
                if (audit_path)
                        write_audit(&line);
                else
                        print(&line);
        }
        va_end(pairs);
}
