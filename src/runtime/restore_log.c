/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/restore_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"

#define LOG_END MIB /* errors stand in the last lines */

void restore_log_read(const char *directory, struct buffer *out)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        uint64_t offset, size;
        struct stat status;
        ssize_t n;

        if (asprintf(&path, "%s/restore.log", directory) < 0) {
                path = NULL;
                return;
        }
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0 || status.st_size <= 0)
                return;
        size = (uint64_t)status.st_size;
        offset = size > LOG_END ? size - LOG_END : 0;
        if (buffer_reserve(out, (size_t)(size - offset) + 1) < 0)
                return;
        n = file_pread_full(fd, out->data + out->size, (size_t)(size - offset), offset);
        if (n > 0) {
                out->size += (size_t)n;
                out->data[out->size] = '\0';
        }
}
