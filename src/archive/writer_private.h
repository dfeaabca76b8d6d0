/* SPDX-License-Identifier: Apache-2.0 */
/* What writer.c (members) and seal.c (the end of the archive) share. */
#ifndef SNAP_ARCHIVE_WRITER_PRIVATE_H
#define SNAP_ARCHIVE_WRITER_PRIVATE_H

#include "archive/follower.h"
#include "archive/output.h"
#include "archive/writer.h"
#include "base/file.h"

struct archive_writer {
        struct file_writer *file;
        struct output *output;
        struct follower *follower; /* NULL when nobody follows */
        char *path;                /* final */
        enum compression compression;
        int64_t mtime;  /* of all members: the capture */
        uint64_t input; /* bytes of contents */
        struct archive_index members;
        bool in_member;  /* between begin and end: the last of `members` */
        uint64_t cut;    /* stream offset at which a member was last made to begin a frame */
        uint64_t filled; /* stream offset of its header block that is filled in at its end */
        bool sealed;
};

/* Adds the header of a member whose size is known, and an entry for it with size and offsets. */
int writer_header_add(struct archive_writer *writer, const char *name, uint32_t mode, uint64_t size,
                      struct error *err);
/* Contents of the last member, counted in its CRC. */
int writer_contents_add(struct archive_writer *writer, const void *data, size_t size, struct error *err);
/* Zeros to a whole block. */
int writer_pad(struct archive_writer *writer, struct error *err);

#endif
