/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share. */
#ifndef SNAP_OCI_REGISTRY_STORE_PRIVATE_H
#define SNAP_OCI_REGISTRY_STORE_PRIVATE_H

#include <pthread.h>
#include <sys/stat.h>
#include "base/file.h"
#include "oci/manifest_facts.h"
#include "oci/registry_store.h"

/* Longest path below the root: repositories/255/_referrers/64/64. */
#define STORE_PATH_SIZE 512
#define STORE_TEMP      "tmp"
#define STORE_DAMAGED   "damaged"
#define STORE_REPOS     "repositories"
#define STORE_BLOBS     "blobs/sha256"

/* A file as it was when its contents were verified. */
struct store_stamp {
        struct sha256 digest;
        ino_t inode;
        off_t size;
        struct timespec modified, changed;
};

/* Verified files are remembered in slots by their digest; who loses the slot is read once more. */
#define STORE_STAMPS 4096
/* Blobs are read for verification one at a time per stripe, so that many asking for one read it once. */
#define STORE_STRIPES 16
/* Hash states of uploads that nobody has open, so that each part of an upload goes on hashing. */
#define STORE_STATES 64

struct store_state {
        char id[UNIQUE_ID_SIZE];
        uint64_t hashed;
        struct sha256_stream *hash;
};

struct registry_store {
        char *path;
        int root;
        pthread_mutex_t lock; /* of the two tables */
        struct store_stamp *stamps;
        struct store_state states[STORE_STATES];
        unsigned next_state;
        unsigned hash_threads; /* that run now */
        pthread_mutex_t verifying[STORE_STRIPES];
};

/* --- the lock; closing it gives it back
 * --------------------------------------------------------------------- */

/* Shared by who adds or relies on something, alone for who removes what others might rely on. A descriptor.
 */
enum store_lock_kind { STORE_SHARED, STORE_ALONE, STORE_ALONE_AT_ONCE /* -EBUSY rather than wait */ };
int store_lock(const struct registry_store *store, enum store_lock_kind kind, struct error *err);

/* --- paths, all beneath the root; names have been checked
 * --------------------------------------------------- */

__attribute__((format(printf, 2, 3))) void store_path(char out[STORE_PATH_SIZE], const char *format, ...);
void store_blob_path(char out[STORE_PATH_SIZE], const struct sha256 *digest);
void store_link_path(char out[STORE_PATH_SIZE], const char *name, const char *kind,
                     const struct sha256 *digest);
/* The name of a repository, -EINVAL (ERROR_STORE_NAME). */
int store_check_name(const char *name, struct error *err);
/* Opens a directory, made with its parents where it is missing, each on disk. */
int store_directory(const struct registry_store *store, const char *path, struct error *err);
/* Is there such a file or directory? */
bool store_exists(const struct registry_store *store, const char *path);
/* A whole small file, appended. Negative errno, without an error. */
int store_read(const struct registry_store *store, const char *path, struct buffer *out);
/* Makes or replaces `name` in the directory `path`, on disk when it returns. */
int store_write(const struct registry_store *store, const char *path, const char *name, struct slice bytes,
                struct error *err);
/* Removes a file; absent is -ENOENT, without an error. */
int store_remove(const struct registry_store *store, const char *path, struct error *err);
/* Calls for each entry whose name has no '.' in front; stops when it returns a negative errno. An absent
 * directory has none. */
typedef int (*store_entry)(void *context, int directory, const char *name, struct error *err);
int store_each(const struct registry_store *store, const char *path, store_entry entry, void *context,
               struct error *err);
/* The entries, sorted. */
int store_entries(const struct registry_store *store, const char *path, struct store_list *out,
                  struct error *err);
int store_list_add(struct store_list *list, const char *item, struct error *err);
void store_list_sort(struct store_list *list);
/* Every directory that is a repository, also one that has only uploads, sorted. */
int store_walk(const struct registry_store *store, struct store_list *out, struct error *err);

/* --- blobs ------------------------------------------------------------------------------------------------
 */

/* Says that `name` has the blob, or has it again. The lock is held. */
int store_blob_link(const struct registry_store *store, const char *name, const struct sha256 *digest,
                    struct error *err);
/* Somebody relies on it: it stays for the grace time. -ENOENT when the repository does not have it. */
int store_blob_touch(const struct registry_store *store, const char *name, const struct sha256 *digest,
                     struct error *err);
/* The blob has been written or read as a whole by us. */
void store_stamp_set(struct registry_store *store, const struct sha256 *digest, const struct stat *st);
/* A whole verified blob of at most `limit` bytes, whichever repository has it. */
int store_blob_read(struct registry_store *store, const struct sha256 *digest, uint64_t limit,
                    struct buffer *out, struct error *err);

#endif
