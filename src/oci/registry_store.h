/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content directory of our registry:
 *
 *   blobs/sha256/AA/DIGEST                  every blob and manifest once
 *   repositories/NAME/_blobs/DIGEST         NAME has this blob; its time is when somebody last relied on it
 *   repositories/NAME/_manifests/DIGEST     NAME has this manifest; holds its media type
 *   repositories/NAME/_tags/TAG             holds a digest
 *   repositories/NAME/_referrers/SUBJECT/DIGEST   holds the descriptor of a manifest with that subject
 *   repositories/NAME/_uploads/ID           the bytes of an upload so far
 *   tmp/  damaged/  lock
 *
 * Several processes may use one directory. What says that something is there appears after it, each with
 * fsync; who relies on a blob touches its link, and all of that holds the lock shared, which the collection
 * of garbage takes alone for each thing it removes (registry_store_collect.h).
 *
 * No blob is handed out that does not have its digest. What this process wrote or has once read as a whole
 * counts as verified as long as the file's inode, size and times stay the same; anything else is read before
 * it is served, or while it is served with the last bytes held back (registry_server.c). A damaged blob is
 * moved to damaged/, so that the next push brings it back.
 *
 * Functions return 0 or a negative errno; unknown things are -ENOENT with their kind of error, malformed
 * names -EINVAL (ERROR_STORE_NAME). All may be called by several threads at once.
 */
#ifndef SNAP_OCI_REGISTRY_STORE_H
#define SNAP_OCI_REGISTRY_STORE_H

#include "base/clock.h"
#include "base/digest.h"
#include "oci/errors.h"

struct registry_store;

/* Makes the directory where there is none, 0700. */
int store_open(const char *root, struct registry_store **out, struct error *err);
void store_free(struct registry_store *store);
CLEANUP_DEFINE(struct registry_store *, store_free);
#define _cleanup_store_ _cleanup_(store_freep)

/* distribution-spec, "Pulling manifests": at most 255 characters. */
bool store_name_is_valid(const char *name);

/* --- blobs ------------------------------------------------------------------------------------------------
 */

struct store_blob {
        int fd; /* the caller's */
        uint64_t size;
        bool verified;
};

/* Opens a blob of the repository, and keeps it from being collected for the grace time. */
int store_blob_open(struct registry_store *store, const char *name, const struct sha256 *digest,
                    struct store_blob *out, struct error *err);
/* Reads it unless it is verified. -EBADMSG (ERROR_IMAGE_DIGEST): moved aside. */
int store_blob_verify(struct registry_store *store, const struct sha256 *digest,
                      const struct store_blob *blob, struct error *err);
/* What somebody else found who read all of it: its digest or another one. */
void store_blob_found(struct registry_store *store, const struct sha256 *digest,
                      const struct store_blob *blob, const struct sha256 *actual);
/* Gives `name` a blob that `from` has. False when `from` does not have it, or on a failure. */
bool store_blob_mount(struct registry_store *store, const char *name, const char *from,
                      const struct sha256 *digest);
int store_blob_delete(struct registry_store *store, const char *name, const struct sha256 *digest,
                      struct error *err);

/* --- uploads ----------------------------------------------------------------------------------------------
 */

/* One that is being worked on; nobody else gets it meanwhile. */
struct store_upload;

/* Begins one; `id` is its name from now on, until it is committed, deleted or collected. */
int store_upload_begin(struct registry_store *store, const char *name, char id[UNIQUE_ID_SIZE],
                       struct error *err);
/* -ENOENT (ERROR_STORE_UPLOAD_UNKNOWN), -EBUSY. */
int store_upload_open(struct registry_store *store, const char *name, const char *id,
                      struct store_upload **out, struct error *err);
/* Bytes it has, also after a restart. */
uint64_t store_upload_size(const struct store_upload *upload);
/* Its file, to be read: the bytes that it has stay where they are, also when it is a blob. Borrowed. */
int store_upload_fd(const struct store_upload *upload);
/* Is there room for so many bytes more? -ENOSPC, said before they are sent in vain. */
int store_upload_expect(const struct store_upload *upload, uint64_t size, struct error *err);
/* After a failure what this opening appended is taken back: a full disk gets its space again. */
int store_upload_append(struct store_upload *upload, struct slice bytes, struct error *err);
/* Makes it a blob of its repository. -EBADMSG (ERROR_STORE_DIGEST): the upload is gone. */
int store_upload_commit(struct store_upload *upload, const struct sha256 *digest, struct error *err);
/* Removes it. */
int store_upload_delete(struct store_upload *upload, struct error *err);
/* Keeps what it has for the next opening. */
void store_upload_close(struct store_upload *upload);
CLEANUP_DEFINE(struct store_upload *, store_upload_close);
#define _cleanup_store_upload_ _cleanup_(store_upload_closep)

/* --- manifests --------------------------------------------------------------------------------------------
 */

struct store_manifest {
        char *media_type;
        struct sha256 digest;
        uint64_t size;
        int fd;
};

/* `reference` is a tag or a digest. Verified. */
int store_manifest_open(struct registry_store *store, const char *name, const char *reference,
                        struct store_manifest *out, struct error *err);
void store_manifest_close(struct store_manifest *manifest);
#define _cleanup_store_manifest_ _cleanup_(store_manifest_close)

struct store_manifest_put {
        const char *name, *reference; /* a tag or the digest that it must have */
        const char *media_type;
        struct slice text;
};
/* What it refers to must be there with the size it says, except for its subject and layers that lie
 * elsewhere. `has_subject`: it is listed among the referrers of `subject`. */
int store_manifest_put(struct registry_store *store, const struct store_manifest_put *put,
                       struct sha256 *digest, bool *has_subject, struct sha256 *subject, struct error *err);
/* A tag, or a manifest with all its tags. */
int store_manifest_delete(struct registry_store *store, const char *name, const char *reference,
                          struct error *err);

/* --- lists ------------------------------------------------------------------------------------------------
 */

/* Names in order; `items` and all of them are the caller's. */
struct store_list {
        char **items;
        size_t count;
};
void store_list_free(struct store_list *list);
#define _cleanup_store_list_ _cleanup_(store_list_free)

/* -ENOENT (ERROR_STORE_NAME_UNKNOWN) when there never was such a repository. */
int store_tags(struct registry_store *store, const char *name, struct store_list *out, struct error *err);
/* Repositories that have a manifest. */
int store_repositories(struct registry_store *store, struct store_list *out, struct error *err);
/* Digests of what refers to `subject`; none is fine. */
int store_referrers(struct registry_store *store, const char *name, const struct sha256 *subject,
                    struct store_list *out, struct error *err);
/* Appends the descriptor of one of them, JSON. -ENOENT without an error when it has gone. */
int store_referrer(struct registry_store *store, const char *name, const struct sha256 *subject,
                   const char *digest, struct buffer *out, struct error *err);

#endif
