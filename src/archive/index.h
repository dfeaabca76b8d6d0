/* SPDX-License-Identifier: Apache-2.0 */
/* "snap.index" and its tail (docs/archive.md), as pure functions over bytes. */
#ifndef SNAP_ARCHIVE_INDEX_H
#define SNAP_ARCHIVE_INDEX_H

#include "archive/errors.h"
#include "archive/tar.h"
#include "base/compress.h"

#define ARCHIVE_INDEX_NAME "snap.index"
#define ARCHIVE_FACTS_NAME "snap.json"

struct archive_index_member {
        char *name; /* without "./" in front and '/' at its end */
        enum tar_type type;
        uint32_t mode;
        uint64_t size;
        uint64_t header;   /* stream offset of its first header block */
        uint64_t contents; /* stream offset */
        uint32_t crc;      /* CRC-32C of the contents */
};

struct archive_index_frame {
        uint64_t stream, file; /* offsets */
        uint32_t crc;          /* CRC-32C of the frame as it lies in the file */
};

/* Owns its arrays and names. Zero-initialise. */
struct archive_index {
        enum compression compression;
        struct archive_index_member *members;
        size_t member_count;
        struct archive_index_frame *frames; /* ascending; none when not compressed */
        size_t frame_count;
};

/* Adds at the end. 0 or -ENOMEM. The name is copied. */
int archive_index_add_member(struct archive_index *index, const struct archive_index_member *member);
int archive_index_add_frame(struct archive_index *index, uint64_t stream, uint64_t file, uint32_t crc);
void archive_index_free(struct archive_index *index);
#define _cleanup_archive_index_ _cleanup_(archive_index_free)

/* Bytes that encoding takes, through the SHA-256, if there were `frames` frames. */
uint64_t archive_index_size(const struct archive_index *index, size_t frames);
/* Appends the encoded index. */
int archive_index_encode(const struct archive_index *index, struct buffer *out, struct error *err);
/*
 * Decodes exactly the bytes of an index, through its SHA-256. -EBADMSG when that differs or anything is
 * malformed: offsets that do not ascend or overlap, unknown compression, names that are empty or too long.
 * What the names mean is for the caller to judge.
 */
int archive_index_decode(struct slice bytes, struct archive_index *out, struct error *err);

/* The tail block and the two blocks of zeros after it: the last frame of the file. */
#define ARCHIVE_TAIL_SIZE (3 * TAR_BLOCK)

struct archive_tail {
        uint64_t index_file;   /* file offset at which the frames of the index contents start */
        uint64_t tail_file;    /* file offset of the frame that holds the tail */
        uint64_t index_size;   /* bytes of the index, through its SHA-256 */
        uint64_t index_stream; /* stream offset of the index contents */
        uint32_t index_crc;    /* CRC-32C of the file from index_file to tail_file */
};

int archive_tail_encode(const struct archive_tail *tail, uint8_t out[ARCHIVE_TAIL_SIZE], struct error *err);
/* -ENOENT (no error set): these are the last bytes of an archive without index. -EBADMSG: damaged. */
int archive_tail_decode(const uint8_t bytes[ARCHIVE_TAIL_SIZE], struct archive_tail *out, struct error *err);

#endif
