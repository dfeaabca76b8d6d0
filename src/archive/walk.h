/* SPDX-License-Identifier: Apache-2.0 */
/* From entry to entry of a tar stream: the archive itself, or rootfs-diff.tar within it. */
#ifndef SNAP_ARCHIVE_WALK_H
#define SNAP_ARCHIVE_WALK_H

#include "archive/stream.h"
#include "archive/tar.h"

struct tar_walk {
        struct stream *stream; /* borrowed */
        const char *what;      /* names the tar in errors; borrowed */
        bool strict;           /* refuse a checksum field of another form than all writers of today give it */
        bool unproven;     /* not known to be a tar: a first block that is no header says that it is none */
        bool end_optional; /* a layer of an image: some builders leave the end marker out */
        struct tar_entry entry;
        uint64_t header;       /* offset of the entry's first header block */
        uint64_t contents;     /* offset of its contents */
        uint64_t left;         /* bytes of contents that were not read yet */
        unsigned padding;      /* bytes after them up to the next block */
        struct buffer records; /* pax records of the entry (extended attributes); empty when it has none */
};

/* 1: `entry` is the next one (long names and pax records applied); 0: the end marker. Whatever was not read
 * of the entry before is skipped. A tar without the two blocks of zeros at its end is
 * ERROR_ARCHIVE_TRUNCATED, unless it is optional. */
int tar_walk_next(struct tar_walk *walk, struct error *err);
/* Contents of the current entry; short only at their end. */
ssize_t tar_walk_read(struct tar_walk *walk, void *data, size_t size, struct error *err);
/* Leaves out `size` bytes of them, at most what is left. */
int tar_walk_skip(struct tar_walk *walk, uint64_t size, struct error *err);
void tar_walk_done(struct tar_walk *walk);
#define _cleanup_tar_walk_ _cleanup_(tar_walk_done)

#endif
