/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint of any engine (CRI-O, containerd, Podman, our own, a bare CRIU directory) for reading, in
 * place: nothing is ever unpacked to look. A plain archive is scanned by seeking from header to header; a
 * compressed one with our index is sought into; a compressed one without is read forward once, keeping what
 * is asked for when somebody looks: all members but file systems and logs over 1 MiB and memory, and of
 * memory pages the end, where CRIU keeps the stack. An encrypted one is decrypted where it is read, with the
 * keys of this process (crypto/key_ring.h). Thread-safe for reads after open, except where said.
 */
#ifndef SNAP_ARCHIVE_ARCHIVE_H
#define SNAP_ARCHIVE_ARCHIVE_H

#include <yyjson.h>
#include "archive/errors.h"
#include "archive/tar.h"
#include "base/compress.h"
#include "base/digest.h"
#include "base/progress.h"
#include "criu/source.h"
#include "crypto/ctr_hmac.h"

struct archive;

enum archive_form { ARCHIVE_TAR, ARCHIVE_DIRECTORY };

struct archive_member {
        char *name; /* without a leading "./", directories without a trailing '/' */
        enum tar_type type;
        uint32_t mode;
        uint64_t size;   /* bytes of contents */
        uint64_t offset; /* of the contents in the expanded tar stream */
        uint64_t header; /* of its first header block in the expanded tar stream */
        bool has_digest; /* from snap.json; not yet verified */
        struct sha256 digest;
        uint32_t crc;
};

/* Opens a tar archive or a directory. Refuses names that escape and members other than files and directories
 * at the level of the archive (-EBADMSG, ERROR_ARCHIVE_NAME). */
int archive_open(const char *path, struct archive **out, struct error *err);
/* The same, but what can only be read forward is left unread: it has no members until archive_load() or
 * archive_visit() has read it, which comes first, so that whoever needs all of it need not read it twice. */
int archive_open_unread(const char *path, struct archive **out, struct error *err);
/* The same whatever the members are: for what holds checkpoints without being one (podset.h). */
int archive_open_any(const char *path, struct archive **out, struct error *err);
/* The archive that is a member of a plain one, whatever its own members are, read where it lies. Does not
 * need `outer` any more. -ENOTSUP (ERROR_UNSUPPORTED) when `outer` is compressed. */
int archive_open_inner(const struct archive *outer, const struct archive_member *member, struct archive **out,
                       struct error *err);
/* archive_open_unread() for an open file, from where it stands to its end; read with offsets, so that it
 * stays there. `fd` stays the caller's; `name` stands in errors. */
int archive_open_file(int fd, const char *name, struct archive **out, struct error *err);
/* A pipe, which can be read once only: it is read to its end, and of its members only the small ones can be
 * asked for afterwards (-ENOTSUP for others, and for archive_stream). */
int archive_open_pipe(int fd, const char *name, const struct progress *progress, struct archive **out,
                      struct error *err);

/* Bytes that lie elsewhere than in a file here. */
struct archive_remote {
        /* Exactly `size` bytes from `offset`. May be called by several threads at once. */
        int (*read)(void *context, uint64_t offset, void *data, size_t size, struct error *err);
        void (*release)(void *context); /* with the archive */
        void *context;
};

/* archive_open_unread() for `size` bytes that lie elsewhere, and are read there; `name` stands in errors. The
 * archive takes `remote` over, also when it cannot be opened. -ENOTSUP (ERROR_UNSUPPORTED) when it is
 * encrypted. */
int archive_open_remote(const char *name, const struct archive_remote *remote, uint64_t size,
                        struct archive **out, struct error *err);

/* A tar that lies in a part of a file, or elsewhere: a layer of an image. */
struct archive_part {
        uint64_t absent;              /* not 0: it is not looked at, and holds members of so many bytes */
        int fd;                       /* stays the caller's; -1: remote */
        struct archive_remote remote; /* the archive takes it over, also when it cannot be opened */
        uint64_t offset, size;
        enum compression compression;
        struct sha256 digest;           /* of these bytes, as they lie there */
        const struct ctr_hmac_key *key; /* they are encrypted; NULL: they are not. Copied */
};

/*
 * An archive whose members are those of several tars, one after another; unread when one of them is
 * compressed. Digests are verified whenever a part
 * is read as a whole: of compressed parts here, of plain ones by archive_stream; and of an encrypted one its
 * HMAC (ERROR_ENCRYPTED_LAYER). Refuses the whiteouts of the
 * image-spec and members that are in two parts.
 */
int archive_open_parts(const char *name, const struct archive_part *parts, size_t count, struct archive **out,
                       struct error *err);
void archive_free(struct archive *archive);
CLEANUP_DEFINE(struct archive *, archive_free);
#define _cleanup_archive_ _cleanup_(archive_freep)

/* It is to be read first: it has no members yet. */
bool archive_is_unread(const struct archive *archive);
/* Reads it if it is unread. `progress` may be NULL. */
int archive_load(struct archive *archive, const struct progress *progress, struct error *err);

const char *archive_path(const struct archive *archive);
enum archive_form archive_form(const struct archive *archive);
/* Of several parts: that of the first compressed one. */
enum compression archive_compression(const struct archive *archive);
bool archive_has_index(const struct archive *archive);
/* Its file is encrypted: another program cannot read it (docs/encryption.md). */
bool archive_is_encrypted(const struct archive *archive);
/* Bytes of the file as it lies on disk; for a directory or several parts their sum. */
uint64_t archive_file_size(const struct archive *archive);
/* Bytes of memory pages in parts that are not looked at; as a rule none. */
uint64_t archive_absent_size(const struct archive *archive);

/* Can its stream be read from anywhere without what comes before? Then threads may read it at once
 * (stream.h). */
bool archive_is_seekable(const struct archive *archive);
/* What tells one state of the file from any other, appended as text. False: it is no single regular file. */
bool archive_identity(const struct archive *archive, struct buffer *out);

size_t archive_count(const struct archive *archive);
const struct archive_member *archive_at(const struct archive *archive, size_t index);
/* NULL when absent. */
const struct archive_member *archive_find(const struct archive *archive, const char *name);

/* Appends a whole member of at most `limit` bytes. */
int archive_read(const struct archive *archive, const struct archive_member *member, uint64_t limit,
                 struct buffer *out, struct error *err);
/* A part of a member; exactly `size` bytes. -ENOTSUP on a compressed archive without index, unless it was
 * kept. */
int archive_read_at(const struct archive *archive, const struct archive_member *member, uint64_t offset,
                    void *data, size_t size, struct error *err);
/* Parses a JSON member. -ENOENT when absent. */
int archive_read_json(const struct archive *archive, const char *name, yyjson_doc **out, struct error *err);

/* The CRIU images in "checkpoint/" (and "stats-dump", "dump.log" at the top), by the names CRIU gives them.
 * The source borrows the archive. */
const struct archive_member *archive_find_image(const struct archive *archive, const char *name);
struct criu_source archive_criu_source(struct archive *archive);

/* One forward pass over the whole tar stream, header blocks and padding included, for hashing and for layers.
 */
typedef int (*archive_sink)(void *context, const struct archive_member *member, struct slice raw,
                            struct error *err);
/* `raw` is consecutive; `member` is the one it belongs to (header, contents, padding), NULL for the end
 * blocks. */
int archive_stream(const struct archive *archive, archive_sink sink, void *context, struct error *err);

struct stream;

typedef int (*archive_contents)(void *context, const struct archive_member *member, struct stream *contents,
                                struct error *err);

/* Who goes through an archive once, whatever it takes to read it. */
struct archive_visitor {
        archive_sink bytes; /* as archive_stream() has it; NULL: not wanted */
        /* Of each member whose name ends in ".tar": its contents, expanded, of which as much may be read as
         * is wanted. NULL: not wanted. The members known then may be only those up to this one. */
        archive_contents tar;
        /* The same of each member with memory pages, which are not kept then. NULL: not wanted. */
        archive_contents pages;
        /* Of what can be read only forward: will the contents of this member be asked for afterwards? They
         * are kept in a file without a name. NULL: no. */
        bool (*keeps)(void *context, const struct archive_member *member);
        void *context;
        const struct progress *progress; /* may be NULL */
        const char *phase;               /* for it */
};

/* Calls the visitor for all there is. An archive that is unread is read by this, and its members become known
 * one by one: pointers to them last for the call, and a later one may still be refused. */
int archive_visit(struct archive *archive, const struct archive_visitor *visitor, struct error *err);

#endif
