/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate of one's own, for servers that were given none. */
#ifndef SNAP_NET_SELF_SIGNED_H
#define SNAP_NET_SELF_SIGNED_H

#include <stdint.h>
#include "base/error.h"

#define SELF_SIGNED_FINGERPRINT_SIZE 65

struct self_signed {
        char fingerprint[SELF_SIGNED_FINGERPRINT_SIZE]; /* of the certificate, SHA-256 in hexadecimal */
        int64_t renew_s; /* from then on (Unix time, thirty days before it expires) it is to be ensured again
                          */
};

/*
 * Sees to it that both files are there: the key (0600), elliptic (P-256), made when it is missing, and a
 * certificate, made when it is missing or about to expire, for `name`, "localhost" and the loopback
 * addresses, good for ten years, as people pin it by its fingerprint. A new one is of the same key, for those
 * who pin that. ERROR_SERVER_TLS.
 */
int self_signed_ensure(const char *name, const char *certificate_path, const char *key_path,
                       struct self_signed *out, struct error *err);

#endif
