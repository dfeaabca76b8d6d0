/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_store_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include "oci/manifest.h"
#include "oci/registry_store_private.h"

/* Times of files have the steps of a kernel tick: what changed after it was listed must show. */
#define GRACE_MINIMUM_NS 1000000000

/* --- sets of digests
 * ------------------------------------------------------------------------------------------ */

struct digest_set {
        struct sha256 *items;
        size_t count, capacity;
};

static void digest_set_free(struct digest_set *set)
{
        free(set->items);
}
#define _cleanup_digest_set_ _cleanup_(digest_set_free)

static int digest_set_add(struct digest_set *set, const struct sha256 *digest, struct error *err)
{
        if (set->count == set->capacity) {
                size_t capacity = set->capacity ? set->capacity * 2 : 64;
                struct sha256 *items = reallocarray(set->items, capacity, sizeof(*items));

                if (!items)
                        return error_oom(err);
                set->items = items;
                set->capacity = capacity;
        }
        set->items[set->count++] = *digest;
        return 0;
}

static int compare_digests(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(struct sha256));
}

/* To be done before digest_set_has. */
static void digest_set_sort(struct digest_set *set)
{
        if (set->count)
                qsort(set->items, set->count, sizeof(*set->items), compare_digests);
}

static bool digest_set_has(const struct digest_set *set, const struct sha256 *digest)
{
        return set->count && bsearch(digest, set->items, set->count, sizeof(*set->items), compare_digests);
}

/* --- candidates: files as they were listed
 * ------------------------------------------------------------------ */

struct candidate {
        struct sha256 digest;
        ino_t inode;
        off_t size;
        struct timespec changed;
};

struct candidates {
        struct candidate *items;
        size_t count, capacity;
        int64_t before; /* younger ones are none */
};

static void candidates_free(struct candidates *list)
{
        free(list->items);
}
#define _cleanup_candidates_ _cleanup_(candidates_free)

static int64_t nanoseconds(const struct timespec *time)
{
        return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static bool is_old(const struct stat *st, int64_t before)
{
        return nanoseconds(&st->st_mtim) < before && nanoseconds(&st->st_ctim) < before;
}

static int add_candidate(void *context, int directory, const char *name, struct error *err)
{
        struct candidates *list = context;
        struct sha256 digest;
        struct stat st;

        if (!sha256_parse(name, &digest) || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !is_old(&st, list->before))
                return 0;
        if (list->count == list->capacity) {
                size_t capacity = list->capacity ? list->capacity * 2 : 64;
                struct candidate *items = reallocarray(list->items, capacity, sizeof(*items));

                if (!items)
                        return error_oom(err);
                list->items = items;
                list->capacity = capacity;
        }
        list->items[list->count++] = (struct candidate){digest, st.st_ino, st.st_size, st.st_ctim};
        return 0;
}

/* Removes it if it still is what was listed. 1 when it went. */
static int remove_candidate(struct registry_store *store, const char *path, const struct candidate *candidate,
                            struct error *err)
{
        _cleanup_close_ int lock = store_lock(store, STORE_ALONE, err);
        struct stat st;
        int ret;

        if (lock < 0)
                return lock;
        if (fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != candidate->inode ||
            nanoseconds(&st.st_ctim) != nanoseconds(&candidate->changed))
                return 0;
        ret = store_remove(store, path, err);
        return ret == -ENOENT ? 0 : ret < 0 ? ret : 1;
}

/* --- links: what repositories have
 * ---------------------------------------------------------------------------- */

struct marking {
        struct registry_store *store;
        const char *name;
        struct digest_set *set;
};

static int mark_manifest(void *context, int directory, const char *entry, struct error *err)
{
        const struct marking *marking = context;
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        _cleanup_buffer_ struct buffer text = {0}, type = {0};
        char path[STORE_PATH_SIZE];
        struct sha256 digest;
        int ret;

        if (!sha256_parse(entry, &digest))
                return 0;
        store_link_path(path, marking->name, "_manifests", &digest);
        ret = store_read(marking->store, path, &type);
        if (ret == -ENOENT)
                return 0; /* deleted meanwhile */
        if (ret < 0)
                return error_errno(err, -ret, "cannot read `%s`", path);
        ret = store_blob_read(marking->store, &digest, MANIFEST_MAX, &text, err);
        if (ret == 0)
                ret = manifest_facts_parse(buffer_slice(&text), buffer_text(&type), &digest, &facts, err);
        for (size_t i = 0; i < facts.count && ret == 0; i++)
                ret = digest_set_add(marking->set, &facts.references[i].target.digest, err);
        return ret < 0 ? error_wrap(err, ret, "`%s`, manifest sha256:%s", marking->name, entry) : 0;
}

/* Links of one repository. They are listed before manifests are read: one that is put meanwhile touches the
 * links of what it refers to. */
static int collect_links(struct registry_store *store, const char *name, int64_t before,
                         struct collect_result *out, struct error *err)
{
        _cleanup_candidates_ struct candidates links = {.before = before};
        _cleanup_digest_set_ struct digest_set marked = {0};
        struct marking marking = {store, name, &marked};
        char path[STORE_PATH_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_blobs", name);
        ret = store_each(store, path, add_candidate, &links, err);
        if (ret < 0)
                return ret;
        store_path(path, STORE_REPOS "/%s/_manifests", name);
        ret = store_each(store, path, mark_manifest, &marking, err);
        digest_set_sort(&marked);
        for (size_t i = 0; i < links.count && ret >= 0; i++) {
                if (digest_set_has(&marked, &links.items[i].digest))
                        continue;
                store_link_path(path, name, "_blobs", &links.items[i].digest);
                ret = remove_candidate(store, path, &links.items[i], err);
                out->links += ret > 0;
        }
        return ret < 0 ? ret : 0;
}

/* --- uploads and temporary files
 * ----------------------------------------------------------------------------- */

struct stale {
        int64_t before;
        uint64_t count;
};

/* Nobody has it open, which a lock would show, and it was not written to for a time. */
static int remove_stale(void *context, int directory, const char *name, struct error *err)
{
        struct stale *stale = context;
        _cleanup_close_ int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || !is_old(&st, stale->before))
                return 0;
        if (unlinkat(directory, name, 0) == 0)
                stale->count++;
        return 0;
}

static int collect_uploads(struct registry_store *store, const char *name, int64_t before,
                           struct collect_result *out, struct error *err)
{
        struct stale stale = {before, 0};
        char path[STORE_PATH_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_uploads", name);
        ret = store_each(store, path, remove_stale, &stale, err);
        out->uploads += stale.count;
        return ret;
}

/* --- blobs
 * ------------------------------------------------------------------------------------------------------ */

static int add_digest(void *context, int directory, const char *name, struct error *err)
{
        struct sha256 digest;

        return sha256_parse(name, &digest) ? digest_set_add(context, &digest, err) : 0;
}

static int list_blobs(struct registry_store *store, struct candidates *out, struct error *err)
{
        char path[STORE_PATH_SIZE];
        int ret = 0;

        for (unsigned i = 0; i < 256 && ret == 0; i++) {
                store_path(path, STORE_BLOBS "/%02x", i);
                ret = store_each(store, path, add_candidate, out, err);
        }
        return ret;
}

/* Blobs are listed before links: one that gets its link meanwhile was just written, and is another file. */
static int collect_blobs(struct registry_store *store, int64_t before, struct collect_result *out,
                         struct error *err)
{
        _cleanup_candidates_ struct candidates blobs = {.before = before};
        _cleanup_digest_set_ struct digest_set linked = {0};
        _cleanup_store_list_ struct store_list names = {0};
        char path[STORE_PATH_SIZE];
        int ret = list_blobs(store, &blobs, err);

        if (ret == 0)
                ret = store_walk(store, &names, err);
        for (size_t i = 0; i < names.count && ret == 0; i++) {
                store_path(path, STORE_REPOS "/%s/_blobs", names.items[i]);
                ret = store_each(store, path, add_digest, &linked, err);
                store_path(path, STORE_REPOS "/%s/_manifests", names.items[i]);
                if (ret == 0)
                        ret = store_each(store, path, add_digest, &linked, err);
        }
        digest_set_sort(&linked);
        for (size_t i = 0; i < blobs.count && ret >= 0; i++) {
                if (digest_set_has(&linked, &blobs.items[i].digest))
                        continue;
                store_blob_path(path, &blobs.items[i].digest);
                ret = remove_candidate(store, path, &blobs.items[i], err);
                out->blobs += ret > 0;
                out->bytes += ret > 0 ? (uint64_t)blobs.items[i].size : 0;
        }
        return ret < 0 ? ret : 0;
}

int store_collect(struct registry_store *store, uint64_t grace_seconds, struct collect_result *out,
                  struct error *err)
{
        _cleanup_store_list_ struct store_list names = {0};
        int64_t grace = grace_seconds < INT32_MAX ? (int64_t)grace_seconds * 1000000000 : INT64_MAX / 2;
        int64_t before = clock_realtime_ns() - (grace < GRACE_MINIMUM_NS ? GRACE_MINIMUM_NS : grace);
        struct stale temporaries = {before, 0};
        int ret = store_walk(store, &names, err), bad = 0;

        *out = (struct collect_result){0};
        for (size_t i = 0; i < names.count && ret == 0; i++) {
                ret = collect_uploads(store, names.items[i], before, out, err);
                if (ret == 0)
                        bad = collect_links(store, names.items[i], before, out, err) ?: bad;
        }
        if (ret == 0)
                ret = store_each(store, STORE_TEMP, remove_stale, &temporaries, err);
        if (ret == 0)
                ret = collect_blobs(store, before, out, err);
        return ret < 0 ? ret : bad;
}
