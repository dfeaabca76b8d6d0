/* SPDX-License-Identifier: Apache-2.0 */
/* Between client.c and client_error.c. */
#ifndef SNAP_NET_CLIENT_INTERNAL_H
#define SNAP_NET_CLIENT_INTERNAL_H

#include "net/client.h"
#include "net/curl_library.h"

/* What libcurl reported of a request to `url` (or the path of a socket), as one of our errors. `detail` is
 * its own text or "". */
int client_error_set(const struct curl_library *curl, CURLcode code, const char *url, const char *detail,
                     struct error *err);

#endif
