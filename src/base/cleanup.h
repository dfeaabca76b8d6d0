/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound clean-up: a variable marked so is released when it goes out of scope. */
#ifndef SNAP_BASE_CLEANUP_H
#define SNAP_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines FUNCTIONp, the form that _cleanup_ wants, for a release function that takes the object itself. */
#define CLEANUP_DEFINE(type, function)                                                                       \
        static inline void function##p(type *object)                                                         \
        {                                                                                                    \
                if (*object)                                                                                 \
                        function(*object);                                                                   \
        }                                                                                                    \
        struct cleanup_##function##_swallow_semicolon

static inline void cleanup_free(void *pointer)
{
        free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

CLEANUP_DEFINE(FILE *, fclose);
CLEANUP_DEFINE(DIR *, closedir);

#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)

/* Hands ownership over: yields the pointer (or file descriptor) and leaves NULL (or -1) behind. */
#define steal_ptr(pointer)                                                                                   \
        ({                                                                                                   \
                __typeof__(pointer) stolen_ = (pointer);                                                     \
                (pointer) = NULL;                                                                            \
                stolen_;                                                                                     \
        })

static inline int steal_fd(int *fd)
{
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
