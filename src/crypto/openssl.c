/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/openssl.h"

#include <errno.h>

struct ossl ossl;

static const char *const names[] = {OSSL_FUNCTIONS(LIBRARY_NAME)};
static struct library library = LIBRARY("libcrypto.so.3", names, ossl);

int ossl_load(struct error *err)
{
        return library_load(&library, err);
}

int ossl_failed(const char *what, struct error *err)
{
        unsigned long code = ossl.ERR_peek_last_error();

        ossl.ERR_clear_error();
        return error_set(err, &ERROR_INTERNAL, -EIO, "%s failed in OpenSSL (error %lx)", what, code);
}
