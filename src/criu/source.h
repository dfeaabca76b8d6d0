/* SPDX-License-Identifier: Apache-2.0 */
/* Where CRIU image files come from: an archive, a directory, memory in a test. */
#ifndef SNAP_CRIU_SOURCE_H
#define SNAP_CRIU_SOURCE_H

#include <sys/types.h>
#include "base/bytes.h"
#include "base/error.h"

/* Names are those of CRIU ("pstree.img"), without a directory. Borrowed by readers; thread-safe for reads. */
/* A file that is read forward. */
struct criu_reader {
        /* The next bytes; short only at its end. */
        ssize_t (*read)(struct criu_reader *reader, void *data, size_t size, struct error *err);
        void (*close)(struct criu_reader *reader);
};

struct criu_source {
        void *context;
        /* Size of a file in bytes; -ENOENT when there is none. */
        int (*size)(void *context, const char *name, uint64_t *out, struct error *err);
        /* Appends a whole file of at most `limit` bytes to `out`. */
        int (*read)(void *context, const char *name, uint64_t limit, struct buffer *out, struct error *err);
        /* Calls `each` for every file until it returns non-zero, which is passed on. */
        int (*list)(void *context, int (*each)(void *argument, const char *name, uint64_t size),
                    void *argument, struct error *err);
        /* Opens a file that may be too large to be read whole. NULL: the source has no such files. */
        int (*open)(void *context, const char *name, struct criu_reader **out, struct error *err);
};

#endif
