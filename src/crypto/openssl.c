/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/openssl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#define OSSL_LIBRARY "libcrypto.so.3"

struct ossl ossl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *missing = OSSL_LIBRARY; /* what could not be found; NULL: nothing */

static void load(void)
{
        /* Never unloaded: it has handlers of its own at exit. */
        void *library = dlopen(OSSL_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

        if (!library)
                return;
#define OSSL_LOAD(name)                                                                                      \
        ossl.name = (__typeof__(ossl.name))dlsym(library, #name);                                            \
        if (!ossl.name) {                                                                                    \
                missing = #name;                                                                             \
                return;                                                                                      \
        }
        OSSL_FUNCTIONS(OSSL_LOAD)
#undef OSSL_LOAD
        missing = NULL;
}

int ossl_load(struct error *err)
{
        pthread_once(&once, load);
        return missing ? error_set(err, &ERROR_TOOL_MISSING, -ENOENT,
                                   "encryption needs OpenSSL 3, of which `%s` was not found", missing)
                       : 0;
}

int ossl_failed(const char *what, struct error *err)
{
        unsigned long code = ossl.ERR_peek_last_error();

        ossl.ERR_clear_error();
        return error_set(err, &ERROR_INTERNAL, -EIO, "%s failed in OpenSSL (error %lx)", what, code);
}
