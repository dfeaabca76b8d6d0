/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in a thread beside the one that reads or writes, so that neither waits for the other. */
#ifndef SNAP_BASE_HASH_THREAD_H
#define SNAP_BASE_HASH_THREAD_H

#include "base/digest.h"

struct hash_thread;

/* Takes 512 KiB. Borrows `hash`, which is nobody else's until the thread is freed. */
int hash_thread_new(struct sha256_stream *hash, struct hash_thread **out, struct error *err);
/* `bytes` need only last for the call, which blocks while hashing is behind. */
void hash_thread_append(struct hash_thread *thread, struct slice bytes);
/* Ends when all is hashed. 0, or a negative errno when hashing failed. */
int hash_thread_free(struct hash_thread *thread);

#endif
