/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for keys and passphrases: not in core dumps, not on swap where the limit on locked memory allows it,
 * and wiped when it is freed. */
#ifndef SNAP_BASE_SECRET_MEMORY_H
#define SNAP_BASE_SECRET_MEMORY_H

#include "base/bytes.h"
#include "base/error.h"

/* Zero-initialise. */
struct secret_memory {
        uint8_t *data;
        size_t size; /* the caller may make it smaller */
        size_t mapped;
};

/* `size` zero bytes. Not for many: each takes pages of its own. */
int secret_memory_new(size_t size, struct secret_memory *out, struct error *err);
void secret_memory_free(struct secret_memory *secret);
#define _cleanup_secret_memory_ _cleanup_(secret_memory_free)

static inline struct slice secret_memory_slice(const struct secret_memory *secret)
{
        return (struct slice){secret->data, secret->size};
}

/* Takes as long whatever the bytes are. */
bool secret_equal(const void *a, const void *b, size_t size);

/* What is left of a small file. -EFBIG beyond `limit`. */
int secret_memory_read(int fd, const char *what, size_t limit, struct secret_memory *out, struct error *err);

#endif
