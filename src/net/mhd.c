/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mhd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#define MICROHTTPD_LIBRARY "libmicrohttpd.so.12"
#define GNUTLS_LIBRARY     "libgnutls.so.30"

struct microhttpd microhttpd;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char missing[256];

static void *open_library(const char *name)
{
        void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

        if (!library)
                snprintf(missing, sizeof(missing), "%s", dlerror());
        return library;
}

static void *find(void *library, const char *name)
{
        void *function = dlsym(library, name);

        if (!function)
                snprintf(missing, sizeof(missing), "%s", dlerror());
        return function;
}

static void load(void)
{
        void *http = open_library(MICROHTTPD_LIBRARY), *tls = open_library(GNUTLS_LIBRARY);

        if (!http || !tls)
                return;
#define X(name) microhttpd.name = (__typeof__(microhttpd.name))find(http, #name);
        MICROHTTPD_FUNCTIONS(X)
#undef X
#define X(name) microhttpd.name = (__typeof__(microhttpd.name))find(tls, #name);
        GNUTLS_FUNCTIONS(X)
#undef X
}

int microhttpd_load(struct error *err)
{
        pthread_once(&once, load);
        if (missing[0])
                return error_set(err, &ERROR_TOOL_MISSING, -ENOENT,
                                 "a library that serving needs is not there: %s", missing);
        return 0;
}
