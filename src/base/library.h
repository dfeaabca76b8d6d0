/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared libraries that are loaded when they are first needed, because loading them takes longer than most
 * commands run. The functions of one are listed in one place and called through a table that has the types of
 * its header:
 *
 *      #define ZIP_FUNCTIONS(F) F(zip_open) F(zip_close)
 *      static struct { ZIP_FUNCTIONS(LIBRARY_MEMBER) } zip;
 *      static const char *const zip_names[] = {ZIP_FUNCTIONS(LIBRARY_NAME)};
 *      static struct library zip_library = LIBRARY("libzip.so.5", zip_names, zip);
 *
 *      ret = library_load(&zip_library, err);
 *      if (ret == 0)
 *              zip.zip_open(…);
 */
#ifndef SNAP_BASE_LIBRARY_H
#define SNAP_BASE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include "base/bytes.h"
#include "base/error.h"

#define LIBRARY_MEMBER(name) typeof(name) *name;
#define LIBRARY_NAME(name)   #name,

struct library {
        const char *file; /* with the version of its interface */
        const char *const *names;
        size_t count;
        void *functions; /* a pointer for each name, in that order */
        pthread_mutex_t lock;
        bool loaded;
};

#define LIBRARY(file_name, name_list, table)                                                                 \
        {.file = (file_name),                                                                                \
         .names = (name_list),                                                                               \
         .count = ARRAY_SIZE(name_list),                                                                     \
         .functions = &(table),                                                                              \
         .lock = PTHREAD_MUTEX_INITIALIZER}

/* Fills the table, if that has not been done: for every thread, at every time. It stays until the process
 * ends. Errors: ERROR_TOOL_MISSING. */
int library_load(struct library *library, struct error *err);

#endif
