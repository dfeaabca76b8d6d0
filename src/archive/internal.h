/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer that read archives share. Not for others. */
#ifndef SNAP_ARCHIVE_INTERNAL_H
#define SNAP_ARCHIVE_INTERNAL_H

#include <pthread.h>
#include "archive/archive.h"
#include "archive/index.h"

/* More members than this are refused: the largest real dumps have some ten thousand. */
#define ARCHIVE_MEMBERS_MAX 100000

/* Bytes of small members that are kept of a compressed archive without index. */
#define ARCHIVE_KEPT_MAX  (32 * MIB)
#define ARCHIVE_SMALL_MAX (1 * MIB)

/* The frame that was expanded last: neighbouring members are asked for one after another. */
struct frame_cache {
        pthread_mutex_t lock;
        size_t frame; /* SIZE_MAX: none */
        struct buffer stored, bytes;
};

struct archive {
        char *path;
        enum archive_form form;
        enum compression compression;
        int fd;          /* the file or the directory */
        bool bare;       /* a directory of CRIU: "checkpoint/" is not on disk */
        uint64_t origin; /* where it begins in the file: not at 0 when it is a member of another archive */
        uint64_t size;   /* bytes of the file, or of the member */
        uint64_t stream_size; /* of the expanded tar; unknown (0) when it must be read forward */
        struct archive_member *members;
        size_t count, capacity;
        size_t *by_name;     /* positions in `members`, sorted by name */
        struct buffer *kept; /* contents of members, parallel to `members`; NULL unless read forward */
        bool indexed;
        struct archive_index index; /* with the frames of the index and of the tail added */
        struct frame_cache cache;
};

/* An archive without members yet, its file not open. */
struct archive *archive_new(const char *path, struct error *err);
/* Reads the beginning of an open tar file for its compression. */
int archive_detect(struct archive *archive, struct error *err);
/* Sorts the names and refuses doubles: which of two a reader takes would be its own choice. */
int archive_sort_names(struct archive *archive, struct error *err);
/* Takes over the digests that our own archives carry. Members that are not listed keep none. */
int archive_load_digests(struct archive *archive, struct error *err);
/* Fills the members of an open tar file: from its index, by seeking, or in one pass. */
int archive_scan_tar(struct archive *archive, struct error *err);
/* The same for a directory. */
int archive_scan_directory(struct archive *archive, struct error *err);
/* Appends one member, `name` as found in the tar (copied; `member->name` is ignored). Refuses unsafe ones. */
int archive_add_member(struct archive *archive, const char *name, const struct archive_member *member,
                       struct error *err);

struct tar_walk;
/* Appends the current entry of a walk over the archive itself. */
int archive_add_entry(struct archive *archive, const struct tar_walk *walk, struct error *err);

/* A name as we speak of it: without "./" in front and '/' behind, which is how tars are written. `size`
 * bytes; none for the root of the archive itself. */
const char *archive_name_normal(const char *name, size_t *size);

/* Opens the file of a member of a directory. Returns a descriptor. */
int archive_open_on_disk(const struct archive *archive, const struct archive_member *member,
                         struct error *err);

/* Looks for the index at the end of the file. None is fine; a damaged one is -EBADMSG. */
int archive_load_index(struct archive *archive, struct error *err);
/*
 * The index of one of our plain archives that somebody compressed as a whole: it cannot be sought with, but
 * lists what was written. `member` is snap.index. -EBADMSG when it is damaged or not where it says.
 */
int archive_decode_inner_index(const struct archive *archive, const struct archive_member *member,
                               struct archive_index *out, struct error *err);

/* Bytes of the expanded stream out of the frames of the index; short only at its end. Thread-safe. */
ssize_t archive_read_frames(const struct archive *archive, uint64_t offset, void *data, size_t size,
                            struct error *err);

#endif
