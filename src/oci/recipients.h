/* SPDX-License-Identifier: Apache-2.0 */
/* Whom layers are encrypted for, as skopeo writes it: "jwe:FILE" with a public key, "pkcs7:FILE" with a
 * certificate. */
#ifndef SNAP_OCI_RECIPIENTS_H
#define SNAP_OCI_RECIPIENTS_H

#include "crypto/key.h"

struct layer_recipients;

/* -EINVAL (ERROR_KEY_FILE, ERROR_USAGE). None: `*out` is NULL. */
int layer_recipients_load(const char *const *texts, size_t count, struct layer_recipients **out,
                          struct error *err);
void layer_recipients_free(struct layer_recipients *recipients);
CLEANUP_DEFINE(struct layer_recipients *, layer_recipients_free);
#define _cleanup_layer_recipients_ _cleanup_(layer_recipients_freep)

/* Wraps what opens a layer for all of them. Appends a JWE, and PKCS #7; each stays empty when nobody needs
 * it. */
int layer_recipients_wrap(const struct layer_recipients *recipients, struct slice plain, struct buffer *jwe,
                          struct buffer *pkcs7, struct error *err);

#endif
