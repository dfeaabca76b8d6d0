/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate of one's own, for servers that were given none. */
#ifndef SNAP_NET_SELF_SIGNED_H
#define SNAP_NET_SELF_SIGNED_H

#include "base/error.h"

#define SELF_SIGNED_FINGERPRINT_SIZE 65

/*
 * Sees to it that both files are there: made (0600) when one of them is missing, for `name`, "localhost" and
 * the loopback addresses, an elliptic key (P-256), good for ten years, as people pin such a certificate by
 * its fingerprint. `fingerprint` is that of the certificate, SHA-256 in hexadecimal. ERROR_SERVER_TLS.
 */
int self_signed_ensure(const char *name, const char *certificate_path, const char *key_path,
                       char fingerprint[SELF_SIGNED_FINGERPRINT_SIZE], struct error *err);

#endif
