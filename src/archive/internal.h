/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer that read archives share. Not for others. */
#ifndef SNAP_ARCHIVE_INTERNAL_H
#define SNAP_ARCHIVE_INTERNAL_H

#include <pthread.h>
#include "archive/archive.h"
#include "archive/index.h"
#include "base/secret_memory.h"

/* More members than this are refused: the largest real dumps have some ten thousand. */
#define ARCHIVE_MEMBERS_MAX 50000

/* Bytes of all their names: those of ten thousand take half a MiB. */
#define ARCHIVE_NAMES_MAX (6 * MIB)

/* Bytes of small members that are kept in memory of a compressed archive without index. */
#define ARCHIVE_KEPT_MAX  (2 * MIB)
#define ARCHIVE_SMALL_MAX (1 * MIB)

/* Of large memory pages only the end is kept: there lies the top of the stack, with the command line and the
 * environment of the process. */
#define ARCHIVE_ENDS_MAX (1 * MIB)
#define ARCHIVE_END_SIZE (64 * KIB)

/* What has no room in memory is kept in a file, up to so many bytes: more than that is read again from the
 * archive if it is asked for. */
#define ARCHIVE_SPILL_MAX (1 * GIB)

/* The frame that was expanded last: neighbouring members are asked for one after another. */
struct frame_cache {
        pthread_mutex_t lock;
        size_t frame; /* SIZE_MAX: none */
        struct buffer stored, bytes;
};

/* Enough of a file to know how it is compressed. */
#define ARCHIVE_HEAD_SIZE 16

/* Where the bytes of one tar lie. An archive that is a file has one part, which is all of it. */
struct part {
        int fd; /* owned; -1: remote */
        struct archive_remote remote;
        uint64_t offset, size;
        enum compression compression;
        struct sha256 digest;
        bool has_digest;
        struct secret_memory key;        /* a struct ctr_hmac_key; none: it is not encrypted */
        bool pipe;                       /* read once, without offsets */
        uint8_t head[ARCHIVE_HEAD_SIZE]; /* of a pipe: what was read to look at */
        size_t head_size;
        uint64_t start;  /* where its members begin in the stream of the archive */
        uint64_t length; /* bytes of them, up to the end marker; only of an archive that is joined */
};

/* What was kept of a member that was read forward: from this offset to its end. */
struct kept {
        struct buffer bytes; /* NULL: they are in the file, or nothing was kept */
        bool spilled;
        uint64_t place; /* in the file */
        uint64_t from;
};

struct archive {
        char *path;
        enum archive_form form;
        enum compression compression;
        int fd;               /* the directory; -1 unless it is one */
        bool bare;            /* a directory of CRIU: "checkpoint/" is not on disk */
        uint64_t size;        /* bytes of the file or of the parts */
        uint64_t absent;      /* bytes of members in parts that are not looked at */
        uint64_t stream_size; /* of the expanded tar; unknown (0) when it must be read forward */
        struct part *parts;
        size_t part_count;
        bool joined; /* of parts: their end markers belong to none, and there is one behind all */
        bool any;    /* it need not be a checkpoint */
        bool unread; /* its members are not known yet */
        bool spent;  /* it was a pipe */
        bool encrypted;
        struct archive_member *members;
        struct kept *kept; /* parallel to `members` */
        size_t count, capacity;
        uint64_t names_size; /* bytes of all their names */
        size_t *by_name;     /* positions in `members`, sorted by name */
        size_t sorted;       /* their number: fewer than there are members while it is read */
        uint64_t kept_size, ends_size;
        int spill;           /* the file for what has no room in memory; -1: none yet */
        uint64_t spill_size; /* bytes in it */
        bool indexed;
        struct archive_index index; /* with the frames of the index and of the tail added */
        struct frame_cache cache;
};

/* An archive without members, and without the parts that it has room for. */
int archive_new(const char *name, size_t part_count, struct archive **out, struct error *err);
/* Adds a part, which gets a descriptor of its own. */
int archive_add_part(struct archive *archive, int fd, const struct part *from, struct error *err);
/* Adds a file from `offset` to its end as the only part; an encrypted one as what it holds. */
int archive_add_file(struct archive *archive, int fd, uint64_t offset, uint64_t size, struct error *err);
/* Bytes of a part from `offset` in it; fewer only at its end. Not of a pipe. */
ssize_t archive_read_part(const struct archive *archive, const struct part *part, uint64_t offset, void *data,
                          size_t size, struct error *err);
/* How is the part compressed? What is read of a pipe to know that is kept. */
int archive_look_at_head(struct archive *archive, struct part *part, struct error *err);
/* Sorts the names and refuses doubles: which of two a reader takes would be its own choice. To be done again
 * when there are more. */
int archive_sort_names(struct archive *archive, struct error *err);
/* All members are known: sorts them, and is it a checkpoint? */
int archive_complete(struct archive *archive, struct error *err);
/* Takes over the digests that our own archives carry. Members that are not listed keep none. */
int archive_load_digests(struct archive *archive, struct error *err);
/* Fills the members of an open tar file, from its index or by seeking, if they can be had so. */
int archive_scan_tar(struct archive *archive, struct error *err);
/* The same for several parts. */
int archive_scan_parts(struct archive *archive, struct error *err);
/* Can it only be read forward? (Unless the archive has an index.) */
bool archive_part_is_forward(const struct part *part);
/* Adds the members of one part that is no such, by seeking. */
int archive_scan_part(struct archive *archive, struct part *part, struct error *err);
/* Adds the members of one that is, and calls the visitor for what there is, in one pass. */
int archive_read_forward(struct archive *archive, struct part *part, const struct archive_visitor *visitor,
                         struct error *err);
/* Adds the members of all parts, and calls the visitor for what there is. */
int archive_scan_through(struct archive *archive, const struct archive_visitor *visitor, struct error *err);
/* Is it a tar itself? */
bool archive_is_tar_member(const struct archive_member *member);
/* Does it hold pages of memory? */
bool archive_is_pages_member(const struct archive_member *member);
/* What the visitor has for the contents of this member; NULL: they are not wanted. */
archive_contents archive_visitor_wants(const struct archive_visitor *visitor,
                                       const struct archive_member *member);
/* Hands out the bytes of one part of an archive that is joined. */
int archive_replay_part(const struct archive *archive, const struct part *part, archive_sink sink,
                        void *context, struct error *err);
/* Hands out the marker at the end of one that is joined, or a directory. */
int archive_replay_end(archive_sink sink, void *context, struct error *err);
/* The part that a member lies in. */
const struct part *archive_part_of(const struct archive *archive, const struct archive_member *member);
/* The same for a directory. */
int archive_scan_directory(struct archive *archive, struct error *err);
/* The name as we speak of it (owned by the caller) of a member of `what`; NULL for the root, which is none.
 * Refuses what is unsafe, and in a layer of an image what removes members of others. */
int archive_admit_name(const char *what, const char *name, enum tar_type type, bool layer, char **out,
                       struct error *err);
/* Appends one member, `name` as found in the tar (copied; `member->name` is ignored). Refuses unsafe ones. */
int archive_add_member(struct archive *archive, const char *name, const struct archive_member *member,
                       struct error *err);

struct tar_walk;
/* Appends the current entry of a walk over one of the parts. */
int archive_add_entry(struct archive *archive, const struct part *part, const struct tar_walk *walk,
                      struct error *err);

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
