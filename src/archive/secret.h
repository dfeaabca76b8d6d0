/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognises private keys, tokens and passwords in text or memory. Each pattern has a mark, a few bytes
 * without which it cannot be there; all marks are looked for at once, and only where one stands, its
 * pattern's own function looks closer. Pure functions over bytes.
 */
#ifndef SNAP_ARCHIVE_SECRET_H
#define SNAP_ARCHIVE_SECRET_H

#include "base/bytes.h"
#include "base/error.h"

/* How far in front of its mark and behind it a secret may reach. */
#define SECRET_BEFORE ((size_t)4096)
#define SECRET_AFTER  ((size_t)16384)

struct secret {
        const char *kind;   /* "GitHub token"; static */
        unsigned rank;      /* the lower, the more is known about what it is */
        size_t start, size; /* of the secret itself in the text */
};

struct secret_finder;

int secret_finder_new(struct secret_finder **out, struct error *err);
void secret_finder_free(struct secret_finder *finder);
CLEANUP_DEFINE(struct secret_finder *, secret_finder_free);
#define _cleanup_secret_finder_ _cleanup_(secret_finder_freep)

/* Calls `found` for each secret whose mark begins in [from, to) of `text`, until that returns other than 0,
 * which is passed on. Thread-safe. */
int secret_find(const struct secret_finder *finder, struct slice text, size_t from, size_t to,
                int (*found)(void *argument, const struct secret *secret), void *argument);

#endif
