/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of ties.h share. Not for others. */
#ifndef SNAP_CRIU_TIES_PRIVATE_H
#define SNAP_CRIU_TIES_PRIVATE_H

#include "criu/record.h"
#include "criu/ties.h"

/* Those of real dumps are below 100 KiB. */
#define TIES_MOUNTS_LIMIT (4 * MIB)

/* Ids of mounts that something hangs on. */
struct ties_ids {
        uint32_t *items;
        size_t count, capacity;
};

struct ties_load {
        const struct criu_source *source;
        const char *const *unwanted;
        struct ties_ids used;
        unsigned mount_namespaces;
        struct criu_ties *ties;
};

/* 0 or -ENOMEM. */
int ties_ids_add(struct ties_ids *ids, uint64_t id);

/* Room for one more; NULL when memory is exhausted. */
void *ties_grow(void *items, size_t count, size_t *capacity, size_t size);

bool ties_slice_is(struct slice slice, const char *text);

/* "NAME: a record is not well-formed", or out of memory; returns `ret`. */
int ties_record_bad(const char *name, int ret, struct error *err);

/* Starts a file that is written again: its magic words stay. 0 or -ENOMEM. */
int ties_file_begin(struct criu_ties *ties, const struct criu_records *from, struct buffer **out);
/* Nothing of it, the last one, changed. */
void ties_file_drop(struct criu_ties *ties);
/* Appends a record in its frame. 0 or -ENOMEM. */
int ties_put_record(struct buffer *to, struct slice record);

/* files.img, if there is one: which mounts have open files, and what mode the root directory has. */
int ties_load_files(struct ties_load *load, struct error *err);
/* A mountpoints-N.img; after the files. */
int ties_load_mounts(struct ties_load *load, const char *name, struct error *err);

#endif
