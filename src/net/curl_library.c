/* SPDX-License-Identifier: Apache-2.0 */
#include "net/curl_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include "net/errors.h"

#define LIBRARY "libcurl-gnutls.so.4"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct curl_library library;
static bool loaded;
static char failure[256];

static void load(void)
{
        void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

        if (!handle) {
                snprintf(failure, sizeof(failure), "%s", dlerror());
                return;
        }
#define CURL_LOAD(member, symbol)                                                                            \
        library.member = (__typeof__(library.member))dlsym(handle, #symbol);                                 \
        if (!library.member) {                                                                               \
                snprintf(failure, sizeof(failure), LIBRARY " has no " #symbol);                              \
                return;                                                                                      \
        }
        CURL_FUNCTIONS(CURL_LOAD)
#undef CURL_LOAD
        if (library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                snprintf(failure, sizeof(failure), LIBRARY " cannot be initialised");
                return;
        }
        loaded = true;
}

int curl_library_get(const struct curl_library **out, struct error *err)
{
        pthread_once(&once, load);
        if (!loaded)
                return error_set(err, &ERROR_HTTP_LIBRARY, -ENOENT, "libcurl cannot be loaded: %s", failure);
        *out = &library;
        return 0;
}
