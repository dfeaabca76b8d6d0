/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for targets that write files, empty at each run and gone at the end of the program. */
#ifndef SNAP_FUZZ_SCRATCH_H
#define SNAP_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <stdlib.h>
#include "base/file.h"

static char scratch_path[] = "/tmp/snap-fuzz.XXXXXX";

static void scratch_remove(void)
{
        file_remove_tree(AT_FDCWD, scratch_path, NULL);
}

static const char *scratch_directory(void)
{
        static bool made;

        if (!made) {
                if (!mkdtemp(scratch_path))
                        abort();
                made = true;
                atexit(scratch_remove);
                return scratch_path;
        }
        scratch_remove();
        if (mkdir(scratch_path, 0700) < 0)
                abort();
        return scratch_path;
}

static void scratch_write(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || file_write_full(fd, data, size) < 0)
                abort();
}

#endif
