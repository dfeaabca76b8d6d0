/* SPDX-License-Identifier: Apache-2.0 */
/* tar headers (POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU long names), as pure functions over 512-byte blocks.
 */
#ifndef SNAP_ARCHIVE_TAR_H
#define SNAP_ARCHIVE_TAR_H

#include "base/bytes.h"
#include "base/error.h"

#define TAR_BLOCK     512
#define TAR_NAME_SIZE 4096

enum tar_type {
        TAR_FILE = '0',
        TAR_HARD_LINK = '1',
        TAR_SYMLINK = '2',
        TAR_CHARACTER = '3',
        TAR_BLOCK_DEVICE = '4',
        TAR_DIRECTORY = '5',
        TAR_FIFO = '6',
        TAR_PAX = 'x',
        TAR_PAX_GLOBAL = 'g',
        TAR_GNU_LONG_NAME = 'L',
        TAR_GNU_LONG_LINK = 'K'
};

struct tar_entry {
        char name[TAR_NAME_SIZE]; /* as written, a leading "./" kept */
        char link[TAR_NAME_SIZE];
        enum tar_type type;
        uint32_t mode, uid, gid, device_major, device_minor;
        uint64_t size;
        int64_t mtime; /* seconds */
};

/* Contents larger than this are refused as absurd. */
#define TAR_SIZE_LIMIT ((uint64_t)1 << 62)

/* Bytes of `size` rounded up to whole blocks. */
static inline uint64_t tar_padded(uint64_t size)
{
        return (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* Links, directories, devices have none, whatever their size field says; parsing makes that size 0. */
static inline bool tar_type_has_contents(enum tar_type type)
{
        return type < TAR_HARD_LINK || type > TAR_FIFO;
}

/* 1: parsed; 0: a block of zeros; -EBADMSG: checksum or a field is wrong. Sizes above 8 GiB (base-256) are
 * understood; negative and absurd ones (over 2^62) refused. */
int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_entry *out, struct error *err);

#define TAR_PAX_XATTR "SCHILY.xattr."

/*
 * Appends the header blocks of `entry`: ustar where it fits (base-256 for numbers too large for octal),
 * preceded by a pax header where a name does not. The number of blocks does not depend on the size. `xattrs`
 * may be NULL; pairs name, value ("SCHILY.xattr." is added). 0, -ENOMEM, or -EINVAL for an xattr name with
 * '='.
 */
struct tar_xattr {
        const char *name;
        struct slice value;
};
int tar_header_append(const struct tar_entry *entry, const struct tar_xattr *xattrs, size_t xattr_count,
                      struct buffer *out);
/* One ustar block only, for a header that is filled in later. False when the entry does not fit into one. */
bool tar_header_write(const struct tar_entry *entry, uint8_t block[TAR_BLOCK]);

/* The next record of a pax header, cut off the front of `records`. 1; 0 at the end; -EBADMSG. */
int tar_pax_next(struct slice *records, struct slice *key, struct slice *value, struct error *err);
/* Applies the records of a pax header ("path", "linkpath", "size", …; "SCHILY.xattr.*" are left to the
 * caller) to `entry`. -EBADMSG when malformed. */
int tar_pax_apply(struct slice records, struct tar_entry *entry, struct error *err);

#endif
