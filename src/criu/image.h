/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of CRIU image files (criu/include/magic.h, criu/protobuf.c of CRIU 4.2): a magic of one or two
 * little-endian words, then records of a 32-bit size and that many bytes of protobuf; some kinds carry raw
 * bytes after a record. A pure parser over bytes in memory.
 */
#ifndef SNAP_CRIU_IMAGE_H
#define SNAP_CRIU_IMAGE_H

#include "base/bytes.h"
#include "base/error.h"

/* A record is never larger than this; CRIU's own largest are below 1 MiB. */
#define CRIU_RECORD_LIMIT (12 * MIB)

/* A kind of image file, by its magic. */
struct criu_image_kind {
        const char *name; /* "PSTREE" */
        uint32_t magic;
        const char *file; /* "pstree.img"; "core-" when a number follows */
};

/* All of them, some with several names of files; ended by one without a name. */
extern const struct criu_image_kind criu_image_kinds[];
/* NULL when unknown. */
const struct criu_image_kind *criu_image_kind_by_magic(uint32_t magic);
/* NULL for files that are no images of records (memory pages, tar files, dumps of "ip") and unknown ones. */
const struct criu_image_kind *criu_image_kind_by_file(const char *file);

/* Stands before the magic of the kind since image version 1.1, except in the inventory. */
bool criu_image_has_second_magic(uint32_t first);

struct criu_image {
        const char *name; /* for errors; borrowed */
        uint32_t magic;
        uint64_t records;  /* read so far */
        struct slice rest; /* what has not been read yet */
};

/* Reads the magic words. `expected` is a name from the table ("PSTREE"); NULL accepts any known one. */
int criu_image_open(struct slice bytes, const char *name, const char *expected, struct criu_image *out,
                    struct error *err);
/* 1: `record` is the next record; 0: end; negative: cut short or absurd. */
int criu_image_next(struct criu_image *image, struct slice *record, struct error *err);

/* Skips the raw bytes that stand after `record`, the one read last, in kinds that have them. */
int criu_image_skip_payload(struct criu_image *image, struct slice record, struct error *err);

/* Reads to the end: frames, payloads and that each record is well-formed protobuf. */
int criu_image_scan(struct slice bytes, const char *name, const char *expected, struct error *err);

#endif
