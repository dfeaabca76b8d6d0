/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private keys and passphrases that this process may decrypt with. One ring for the process, as
 * everything that opens a checkpoint may come upon something encrypted. Filled before threads start; read
 * from any.
 */
#ifndef SNAP_CRYPTO_KEY_RING_H
#define SNAP_CRYPTO_KEY_RING_H

#include "base/secret_memory.h"
#include "crypto/key.h"

#define KEY_RING_MAX 16

/* Remembers "FILE[:file=PASSPHRASE-FILE]" (key_load_private()), or a file that holds only a passphrase.
 * Nothing is read before a key is needed. `text` must outlive the process's use. */
int key_ring_add(const char *text, struct error *err);

/* Loads what was added, else what SNAP_DECRYPTION_KEY in the environment names. -EACCES (ERROR_KEY_NONE,
 * naming `what`) when nothing was. Borrowed; stays as it is. */
int key_ring_keys(const char *what, const struct key *const **keys, size_t *count, struct error *err);
/* Of what was added, the files that hold no key: passphrases. Borrowed. */
int key_ring_passphrases(const char *what, const struct secret_memory **passphrases, size_t *count,
                         struct error *err);
/* The passphrase in a file, without the line end behind it; not empty. */
int passphrase_load(const char *path, struct secret_memory *out, struct error *err);
/* Forgets and wipes everything. */
void key_ring_clear(void);

#endif
