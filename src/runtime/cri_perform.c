/* SPDX-License-Identifier: Apache-2.0 */
/* In the courier: the engine is asked for a checkpoint, and what it says when it fails is explained. */
#include "runtime/cri_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "criu/cause.h"
#include "net/errors.h"
#include "runtime/cri_messages.h"

#define LOG_TAIL MIB /* of CRIU's log; its end has the reason */

/* The file with CRIU's log that the words name, "path= /run/…/criu-dump.log" or "log file: …"; to be freed.
 */
static char *log_path(const char *words)
{
        static const char *const marks[] = {"path= ", "log file: "};

        for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                const char *at = strstr(words, marks[i]);

                at = at ? at + strlen(marks[i]) : NULL;
                if (at && *at == '/')
                        return strndup(at, strcspn(at, " \n\"'"));
        }
        return NULL;
}

static void log_read(const char *words, struct buffer *out)
{
        _cleanup_free_ char *path = log_path(words);
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
        uint64_t size, start;
        struct stat status;
        ssize_t n;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return;
        size = (uint64_t)status.st_size;
        start = size > LOG_TAIL ? size - LOG_TAIL : 0;
        if (buffer_reserve(out, size - start) < 0)
                return;
        n = file_pread_full(fd, out->data, size - start, start);
        out->size = n > 0 ? (size_t)n : 0;
}

int cri_words_append(struct buffer *out, struct slice words)
{
        size_t start = out->size;

        while (words.size && words.data[words.size - 1] <= ' ')
                words.size--;
        if (buffer_append(out, words.data, words.size) < 0)
                return -ENOMEM;
        for (size_t i = start; i < out->size; i++)
                if (out->data[i] < ' ' || out->data[i] > '~')
                        out->data[i] = ' ';
        return 0;
}

int cri_explain(const char *name, const char *words, struct error *err)
{
        _cleanup_buffer_ struct buffer log = {0};

        if (strstr(words, "no space left on device"))
                return error_set(err, &ERROR_NO_SPACE, -ENOSPC, "checkpoint of `%s`: %s", name, words);
        log_read(words, &log);
        if (log.size || criu_cause_is_known(CRIU_ACTION_DUMP, SLICE_TEXT(words)))
                return criu_cause_explain(err, CRIU_ACTION_DUMP, name, buffer_slice(&log), SLICE_TEXT(words));
        return error_set(err, &ERROR_RUNTIME_FAILED, -EIO, "checkpoint of `%s`: %s", name, words);
}

/* The engine said no. */
static int refusal(const struct errand *errand, int ret, struct error *err)
{
        _cleanup_buffer_ struct buffer words = {0};

        if (ret == -ENOENT && err->kind == &ERROR_NOT_FOUND)
                err->kind = &ERROR_CONTAINER_NOT_FOUND;
        if (err->kind != &ERROR_GRPC)
                return error_wrap(err, ret, "checkpoint of `%s`", errand->name);
        return buffer_append_text(&words, *err->log ? err->log : err->text) < 0
                       ? error_oom(err)
                       : cri_explain(errand->name, buffer_text(&words), err);
}

int cri_perform(const struct errand *errand, struct error *err)
{
        _cleanup_buffer_ struct buffer request = {0}, answer = {0};
        int ret;

        cri_configure(errand->socket);
        if (cri_put_checkpoint(&request, errand->container, errand->location) < 0)
                return error_oom(err);
        ret = cri_call("RuntimeService/CheckpointContainer", buffer_slice(&request), 0, &answer, err);
        return ret < 0 ? refusal(errand, ret, err) : 0;
}
