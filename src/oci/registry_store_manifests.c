/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include "oci/image.h"
#include "oci/manifest.h"
#include "oci/registry_store_private.h"

#define DIGEST_TEXT_SIZE (7 + SHA256_HEX_SIZE)

static char *digest_text(const struct sha256 *digest, char out[DIGEST_TEXT_SIZE])
{
        memcpy(out, "sha256:", 7);
        sha256_hex(digest, out + 7);
        return out;
}

static int unknown(const char *name, const char *reference, struct error *err)
{
        return error_set(err, &ERROR_STORE_MANIFEST_UNKNOWN, -ENOENT, "`%s` has no manifest `%.140s`", name,
                         reference);
}

/* A tag has no colon, a digest has one. -EINVAL when it is neither. */
static int parse_reference(const char *reference, struct sha256 *digest, bool *is_tag, struct error *err)
{
        *is_tag = !strchr(reference, ':');
        if (*is_tag)
                return image_tag_is_valid(reference) ? 0
                                                     : error_set(err, &ERROR_STORE_NAME, -EINVAL,
                                                                 "`%.140s` is not a tag", reference);
        if (text_starts_with(reference, "sha256:") && sha256_parse(reference, digest))
                return 0;
        return error_set(err, &ERROR_STORE_DIGEST, -EINVAL, "`%.140s` is not a SHA-256 digest", reference);
}

static int read_tag(const struct registry_store *store, const char *name, const char *tag,
                    struct sha256 *digest)
{
        _cleanup_buffer_ struct buffer text = {0};
        char path[STORE_PATH_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_tags/%s", name, tag);
        ret = store_read(store, path, &text);
        if (ret == 0 && !sha256_parse(buffer_text(&text), digest))
                ret = -EBADMSG;
        return ret;
}

/* The digest of what a reference means, whether or not that manifest exists. */
static int resolve(const struct registry_store *store, const char *name, const char *reference,
                   struct sha256 *digest, bool *is_tag, struct error *err)
{
        int ret = store_check_name(name, err);

        if (ret == 0)
                ret = parse_reference(reference, digest, is_tag, err);
        if (ret < 0 || !*is_tag)
                return ret;
        ret = read_tag(store, name, reference, digest);
        if (ret == -ENOENT)
                return unknown(name, reference, err);
        return ret < 0 ? error_errno(err, -ret, "cannot read the tag `%s` of `%s`", reference, name) : 0;
}

/* --- reading
 * --------------------------------------------------------------------------------------------------- */

void store_manifest_close(struct store_manifest *manifest)
{
        free(manifest->media_type);
        if (manifest->fd >= 0)
                close(manifest->fd);
        *manifest = (struct store_manifest){.fd = -1};
}

static int open_blob(struct registry_store *store, struct store_manifest *manifest, struct error *err)
{
        char path[STORE_PATH_SIZE];
        struct store_blob blob = {.verified = false};
        struct stat st;

        store_blob_path(path, &manifest->digest);
        manifest->fd = file_open_beneath(store->root, path, O_RDONLY, 0);
        if (manifest->fd < 0)
                return manifest->fd;
        if (fstat(manifest->fd, &st) < 0)
                return -errno;
        manifest->size = blob.size = (uint64_t)st.st_size;
        blob.fd = manifest->fd;
        return store_blob_verify(store, &manifest->digest, &blob, err);
}

int store_manifest_open(struct registry_store *store, const char *name, const char *reference,
                        struct store_manifest *out, struct error *err)
{
        _cleanup_store_manifest_ struct store_manifest manifest = {.fd = -1};
        _cleanup_buffer_ struct buffer type = {0};
        char path[STORE_PATH_SIZE];
        bool is_tag;
        int ret = resolve(store, name, reference, &manifest.digest, &is_tag, err);

        if (ret < 0)
                return ret;
        store_link_path(path, name, "_manifests", &manifest.digest);
        ret = store_read(store, path, &type);
        if (ret == 0)
                ret = open_blob(store, &manifest, err);
        if (ret == -ENOENT)
                return unknown(name, reference, err);
        if (ret < 0)
                return err && err->kind ? ret
                                        : error_errno(err, -ret, "cannot read a manifest of `%s`", name);
        manifest.media_type = strdup(buffer_text(&type));
        if (!manifest.media_type)
                return error_oom(err);
        *out = manifest;
        manifest = (struct store_manifest){.fd = -1};
        return 0;
}

/* --- writing
 * --------------------------------------------------------------------------------------------------- */

/* Is it there, with that size? Relies on it from now on. */
static int check_reference(struct registry_store *store, const char *name,
                           const struct manifest_reference *reference, struct error *err)
{
        char path[STORE_PATH_SIZE], digest[DIGEST_TEXT_SIZE];
        struct stat st;
        bool linked;

        store_link_path(path, name, reference->is_manifest ? "_manifests" : "_blobs",
                        &reference->target.digest);
        linked = store_exists(store, path);
        store_blob_path(path, &reference->target.digest);
        if (!linked || fstatat(store->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (reference->may_lie_elsewhere)
                        return 0;
                return error_set(err, &ERROR_STORE_MANIFEST_BLOB_UNKNOWN, -ENOENT,
                                 "`%s` does not have the %s %s", name,
                                 reference->is_manifest ? "manifest" : "blob",
                                 digest_text(&reference->target.digest, digest));
        }
        if ((uint64_t)st.st_size != reference->target.size)
                return error_set(err, &ERROR_STORE_MANIFEST_INVALID, -EBADMSG,
                                 "the manifest says that %s has %llu bytes, it has %lld",
                                 digest_text(&reference->target.digest, digest),
                                 (unsigned long long)reference->target.size, (long long)st.st_size);
        return reference->is_manifest ? 0 : store_blob_touch(store, name, &reference->target.digest, err);
}

static int write_manifest(struct registry_store *store, const struct store_manifest_put *put,
                          const struct sha256 *digest, const struct manifest_facts *facts, struct error *err)
{
        char path[STORE_PATH_SIZE], hex[SHA256_HEX_SIZE], subject[SHA256_HEX_SIZE];
        int ret;

        sha256_hex(digest, hex);
        store_path(path, STORE_BLOBS "/%.2s", hex);
        ret = store_write(store, path, hex, put->text, err);
        if (ret == 0 && facts->has_subject) {
                store_path(path, STORE_REPOS "/%s/_referrers/%s", put->name,
                           sha256_hex(&facts->subject, subject));
                ret = store_write(store, path, hex, buffer_slice(&facts->referrer), err);
        }
        if (ret < 0)
                return ret;
        store_path(path, STORE_REPOS "/%s/_manifests", put->name);
        return store_write(store, path, hex, SLICE_TEXT(put->media_type), err);
}

static int write_tag(struct registry_store *store, const struct store_manifest_put *put,
                     const struct sha256 *digest, struct error *err)
{
        char path[STORE_PATH_SIZE], text[DIGEST_TEXT_SIZE];

        store_path(path, STORE_REPOS "/%s/_tags", put->name);
        return store_write(store, path, put->reference, SLICE_TEXT(digest_text(digest, text)), err);
}

int store_manifest_put(struct registry_store *store, const struct store_manifest_put *put,
                       struct sha256 *digest, bool *has_subject, struct sha256 *subject, struct error *err)
{
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        _cleanup_close_ int lock = -1;
        struct sha256 expected;
        bool is_tag;
        int ret = store_check_name(put->name, err);

        if (ret == 0)
                ret = parse_reference(put->reference, &expected, &is_tag, err);
        if (ret < 0)
                return ret;
        ret = sha256_of(put->text, digest, err);
        if (ret < 0)
                return ret;
        if (!is_tag && !sha256_equal(digest, &expected))
                return error_set(err, &ERROR_STORE_DIGEST, -EBADMSG,
                                 "what was sent does not have the digest `%s`", put->reference);
        ret = manifest_facts_parse(put->text, put->media_type, digest, &facts, err);
        if (ret < 0)
                return ret;
        lock = store_lock(store, STORE_SHARED, err);
        if (lock < 0)
                return lock;
        for (size_t i = 0; i < facts.count && ret == 0; i++)
                ret = check_reference(store, put->name, &facts.references[i], err);
        if (ret == 0)
                ret = write_manifest(store, put, digest, &facts, err);
        if (ret == 0 && is_tag)
                ret = write_tag(store, put, digest, err);
        *has_subject = facts.has_subject;
        *subject = facts.subject;
        return ret;
}

/* --- deleting
 * -------------------------------------------------------------------------------------------------- */

static int delete_tag(struct registry_store *store, const char *name, const char *tag, struct error *err)
{
        char path[STORE_PATH_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_tags/%s", name, tag);
        ret = store_remove(store, path, err);
        return ret == -ENOENT ? unknown(name, tag, err) : ret;
}

static int delete_tags_of(struct registry_store *store, const char *name, const struct sha256 *digest,
                          struct error *err)
{
        _cleanup_store_list_ struct store_list tags = {0};
        char path[STORE_PATH_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_tags", name);
        ret = store_entries(store, path, &tags, err);
        for (size_t i = 0; i < tags.count && ret == 0; i++) {
                struct sha256 other;

                if (read_tag(store, name, tags.items[i], &other) == 0 && sha256_equal(&other, digest))
                        ret = delete_tag(store, name, tags.items[i], err);
        }
        return ret;
}

/* What its manifest says of its subject, gone with it. A manifest that cannot be read any more is listed
 * nowhere: store_referrer() finds its link gone. */
static int delete_referrer(struct registry_store *store, const char *name, const char *media_type,
                           const struct sha256 *digest, struct error *err)
{
        _cleanup_manifest_facts_ struct manifest_facts facts = {0};
        _cleanup_buffer_ struct buffer text = {0};
        char path[STORE_PATH_SIZE], hex[SHA256_HEX_SIZE], subject[SHA256_HEX_SIZE];
        int ret;

        if (store_blob_read(store, digest, MANIFEST_MAX, &text, NULL) < 0 ||
            manifest_facts_parse(buffer_slice(&text), media_type, digest, &facts, NULL) < 0 ||
            !facts.has_subject)
                return 0;
        store_path(path, STORE_REPOS "/%s/_referrers/%s/%s", name, sha256_hex(&facts.subject, subject),
                   sha256_hex(digest, hex));
        ret = store_remove(store, path, err);
        return ret == -ENOENT ? 0 : ret;
}

static int delete_manifest(struct registry_store *store, const char *name, const char *reference,
                           const struct sha256 *digest, struct error *err)
{
        _cleanup_buffer_ struct buffer media_type = {0};
        char path[STORE_PATH_SIZE];
        int ret;

        store_link_path(path, name, "_manifests", digest);
        ret = store_read(store, path, &media_type);
        if (ret == -ENOENT)
                return unknown(name, reference, err);
        if (ret < 0)
                return error_errno(err, -ret, "cannot read `%s/%s`", store->path, path);
        ret = delete_tags_of(store, name, digest, err);
        if (ret == 0)
                ret = delete_referrer(store, name, buffer_text(&media_type), digest, err);
        if (ret == 0)
                ret = store_remove(store, path, err);
        return ret == -ENOENT ? unknown(name, reference, err) : ret;
}

int store_manifest_delete(struct registry_store *store, const char *name, const char *reference,
                          struct error *err)
{
        _cleanup_close_ int lock = -1;
        struct sha256 digest;
        bool is_tag;
        int ret = store_check_name(name, err);

        if (ret == 0)
                ret = parse_reference(reference, &digest, &is_tag, err);
        if (ret < 0)
                return ret;
        lock = store_lock(store, STORE_SHARED, err);
        if (lock < 0)
                return lock;
        return is_tag ? delete_tag(store, name, reference, err)
                      : delete_manifest(store, name, reference, &digest, err);
}

/* --- lists
 * ----------------------------------------------------------------------------------------------------- */

int store_tags(struct registry_store *store, const char *name, struct store_list *out, struct error *err)
{
        char path[STORE_PATH_SIZE];
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        store_path(path, STORE_REPOS "/%s/_manifests", name);
        if (!store_exists(store, path))
                return error_set(err, &ERROR_STORE_NAME_UNKNOWN, -ENOENT, "there is no repository `%s`",
                                 name);
        store_path(path, STORE_REPOS "/%s/_tags", name);
        return store_entries(store, path, out, err);
}

static int first_entry(void *context, int directory, const char *name, struct error *err)
{
        *(bool *)context = true;
        return -ECANCELED;
}

int store_repositories(struct registry_store *store, struct store_list *out, struct error *err)
{
        _cleanup_store_list_ struct store_list all = {0};
        char path[STORE_PATH_SIZE];
        int ret = store_walk(store, &all, err);

        for (size_t i = 0; i < all.count && ret == 0; i++) {
                bool has_manifest = false;

                store_path(path, STORE_REPOS "/%s/_manifests", all.items[i]);
                ret = store_each(store, path, first_entry, &has_manifest, err);
                if (has_manifest)
                        ret = store_list_add(out, all.items[i], err);
        }
        return ret;
}

int store_referrers(struct registry_store *store, const char *name, const struct sha256 *subject,
                    struct store_list *out, struct error *err)
{
        char path[STORE_PATH_SIZE];
        int ret = store_check_name(name, err);

        if (ret < 0)
                return ret;
        store_link_path(path, name, "_referrers", subject);
        return store_entries(store, path, out, err);
}

int store_referrer(struct registry_store *store, const char *name, const struct sha256 *subject,
                   const char *digest, struct buffer *out, struct error *err)
{
        char path[STORE_PATH_SIZE], hex[SHA256_HEX_SIZE];
        int ret;

        store_path(path, STORE_REPOS "/%s/_manifests/%s", name, digest);
        if (!store_exists(store, path))
                return -ENOENT;
        store_path(path, STORE_REPOS "/%s/_referrers/%s/%s", name, sha256_hex(subject, hex), digest);
        ret = store_read(store, path, out);
        return ret < 0 && ret != -ENOENT ? error_errno(err, -ret, "cannot read `%s`", path) : ret;
}
