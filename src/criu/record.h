/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records of a source's image files as messages. */
#ifndef SNAP_CRIU_RECORD_H
#define SNAP_CRIU_RECORD_H

#include <stdbool.h>
#include "criu/arena.h"
#include "criu/image.h"
#include "criu/source.h"

/* Larger image files of records are refused; those of real dumps are below 2 MiB. */
#define CRIU_IMAGE_LIMIT (12 * MIB)

/* An image file in memory. */
struct criu_records {
        char name[64]; /* so that `image.name` outlives the caller's */
        struct buffer bytes;
        struct criu_image image;
};

/* -ENOENT (ERROR_CRIU_IMAGE_MISSING) when there is none; other errors name the file. */
int criu_records_open(const struct criu_source *source, const char *name, const char *kind, uint64_t limit,
                      struct criu_records *out, struct error *err);
/* 1: `out` is the next record unpacked into `arena`; 0: end. */
int criu_records_next(struct criu_records *records, const ProtobufCMessageDescriptor *type,
                      struct criu_arena *arena, void *out, struct error *err);
void criu_records_close(struct criu_records *records);
#define _cleanup_criu_records_ _cleanup_(criu_records_close)

/* Messages, or other things, in an arena. */
struct criu_messages {
        void **items;
        size_t count, capacity;
};

/* 0 or -ENOMEM. */
int criu_messages_add(struct criu_messages *messages, struct criu_arena *arena, void *item);

/* Appends all records of a file; -ENOENT when there is none, unless it is `optional`. */
int criu_records_read_all(const struct criu_source *source, const char *name, const char *kind, bool optional,
                          const ProtobufCMessageDescriptor *type, struct criu_arena *arena,
                          struct criu_messages *out, struct error *err);

/* The first record of a file, which must have one. */
int criu_record_read(const struct criu_source *source, const char *name, const char *kind,
                     const ProtobufCMessageDescriptor *type, struct criu_arena *arena, void *out,
                     struct error *err);

#endif
