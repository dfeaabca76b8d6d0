/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a pod's archive: pod.dump, a NUL byte, pod.options. */
#include <sys/mman.h>
#include <unistd.h>
#include "archive/pod_archive.h"
#include "base/file.h"
#include "fuzz.h"

static bool add_member(struct buffer *tar, const char *name, struct slice contents)
{
        static const uint8_t zeros[TAR_BLOCK];
        struct tar_entry entry = {.type = TAR_FILE, .mode = 0600, .size = contents.size};

        snprintf(entry.name, sizeof(entry.name), "%s", name);
        return tar_header_append(&entry, NULL, 0, tar) == 0 &&
               buffer_append(tar, contents.data, contents.size) == 0 &&
               buffer_append(tar, zeros, (size_t)(tar_padded(contents.size) - contents.size)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t zeros[2 * TAR_BLOCK];
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        size_t dump = end ? (size_t)(end - data) : size;
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_archive_ struct archive *archive = NULL;
        _cleanup_pod_archive_ struct pod_archive *pod = NULL;
        _cleanup_buffer_ struct buffer tar = {0};
        char path[64];

        if (fd < 0 || !add_member(&tar, "pod.dump", (struct slice){data, dump}) ||
            (end && !add_member(&tar, "pod.options", (struct slice){end + 1, size - dump - 1})) ||
            buffer_append(&tar, zeros, sizeof(zeros)) < 0 || file_write_full(fd, tar.data, tar.size) < 0)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (archive_open_any(path, &archive, NULL) == 0 && pod_archive_load(archive, &pod, NULL) == 0)
                archive = NULL;
        return 0;
}
