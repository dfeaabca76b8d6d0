/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of an encrypted archive (docs/encryption.md) as pure functions: a header with the key of the file,
 * wrapped for each recipient, and frames of 1 MiB that are sealed one by one, so that each can be opened
 * alone.
 */
#ifndef SNAP_ARCHIVE_ENCRYPTED_HEADER_H
#define SNAP_ARCHIVE_ENCRYPTED_HEADER_H

#include "archive/errors.h"
#include "crypto/cipher.h"
#include "crypto/key.h"

#define ENCRYPTED_MAGIC      "SNAPENC"
#define ENCRYPTED_MAGIC_SIZE 7
/* Magic, version, and the size of what follows up to the MAC. */
#define ENCRYPTED_PREFIX_SIZE 12
#define ENCRYPTED_HEADER_MAX  (1 * MIB)

/* Whom a file is for. Without any of them there is no file. */
struct recipients {
        const struct key *const *keys;
        size_t count;
        struct slice passphrase; /* empty: none */
};

/* Who tries to open it. */
struct openers {
        const struct key *const *keys;
        size_t count;
        const struct secret_memory *passphrases;
        size_t passphrase_count;
};

/* Is that how one begins? 16 bytes are enough to know. */
bool encrypted_is_one(struct slice head);
/* Bytes of the whole header, out of its prefix. -EBADMSG (ERROR_ENCRYPTED_HEADER). */
int encrypted_header_size(const uint8_t prefix[ENCRYPTED_PREFIX_SIZE], size_t *out, struct error *err);
/* Appends the header of a file with this key. */
int encrypted_header_write(const uint8_t file_key[AES256_KEY_SIZE], const struct recipients *recipients,
                           struct buffer *out, struct error *err);
/* Out of a whole header, the key of the file. -EBADMSG (ERROR_ENCRYPTED_HEADER, ERROR_KEY_WRAPPED): altered;
 * -EACCES (ERROR_KEY_WRONG): it is for others. */
int encrypted_header_open(struct slice header, const struct openers *openers,
                          uint8_t file_key[AES256_KEY_SIZE], struct error *err);

/* The key that seals frames, out of that of the file. */
int encrypted_frame_key(const uint8_t file_key[AES256_KEY_SIZE], struct gcm **out, struct error *err);

#define ENCRYPTED_FRAME_SIZE MIB
#define ENCRYPTED_FRAME_HEAD 16
/* What a frame has beside its contents. */
#define ENCRYPTED_FRAME_MORE (ENCRYPTED_FRAME_HEAD + GCM_TAG_SIZE)
#define ENCRYPTED_STRIDE     (ENCRYPTED_FRAME_SIZE + ENCRYPTED_FRAME_MORE)

struct frame_head {
        uint32_t size; /* bytes of contents */
        bool last;
        uint64_t number;
};

/* `out` gets plain.size + ENCRYPTED_FRAME_MORE bytes. */
int encrypted_frame_seal(struct gcm *gcm, uint64_t number, bool last, struct slice plain, uint8_t *out);
/* What the frame says of itself; not yet verified. False when there are too few bytes for a frame. */
bool encrypted_frame_head(struct slice frame, struct frame_head *out);
/* `frame` is exactly one with this head; its contents into `out`. -EBADMSG (no error set) when it was
 * altered. */
int encrypted_frame_open(struct gcm *gcm, struct slice frame, uint8_t *out);

#endif
