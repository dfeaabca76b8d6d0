/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mhd.h"

struct microhttpd microhttpd;
struct gnutls gnutls;

static const char *const http_names[] = {MICROHTTPD_FUNCTIONS(LIBRARY_NAME)};
static const char *const tls_names[] = {GNUTLS_FUNCTIONS(LIBRARY_NAME)};
static struct library http = LIBRARY("libmicrohttpd.so.12", http_names, microhttpd);
static struct library tls = LIBRARY("libgnutls.so.30", tls_names, gnutls);

int microhttpd_load(struct error *err)
{
        int ret = library_load(&http, err);

        return ret < 0 ? ret : library_load(&tls, err);
}
