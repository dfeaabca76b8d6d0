/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of people and machines: RSA, the NIST curves, Ed25519; from PEM files. */
#ifndef SNAP_CRYPTO_KEY_H
#define SNAP_CRYPTO_KEY_H

#include "base/bytes.h"
#include "crypto/errors.h"

/* A public key, one with its certificate, or a private key (which has its public half). Immutable. */
struct key;

/* Larger files are no keys. */
#define KEY_FILE_MAX (64 * KIB)

/* A public key or a certificate. -EINVAL (ERROR_KEY_FILE). */
int key_load_public(const char *path, struct key **out, struct error *err);
/* The same from memory; `what` names it in errors. */
int key_parse_public(struct slice pem, const char *what, struct key **out, struct error *err);
/*
 * A private key, as `text` "FILE", "FILE:file=PASSPHRASE-FILE" or "FILE:fd=NUMBER" of an open file; a file
 * name with a colon is understood when it exists. -EINVAL (ERROR_KEY_FILE), -EACCES (ERROR_KEY_PASSPHRASE).
 */
int key_load_private(const char *text, struct key **out, struct error *err);
void key_free(struct key *key);
CLEANUP_DEFINE(struct key *, key_free);
#define _cleanup_key_ _cleanup_(key_freep)

/* The file it came from; borrowed. */
const char *key_name(const struct key *key);
bool key_has_certificate(const struct key *key);

/* A signature over SHA-256 of the bytes (ECDSA as ASN.1; RSA PKCS#1 v1.5), of Ed25519 over the bytes
 * themselves: what cosign makes. Appends. */
int key_sign(const struct key *key, struct slice bytes, struct buffer *out, struct error *err);
/* -EBADMSG (no error set): another key signed, or other bytes. */
int key_verify(const struct key *key, struct slice bytes, struct slice signature);

#endif
