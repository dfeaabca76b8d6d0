/* SPDX-License-Identifier: Apache-2.0 */
/* Which image the container was made of, as the other engine names it, and the ID of the container. */
#include <ctype.h>
#include <errno.h>
#include "oci/translate_private.h"

int translation_replace(char **owner, char **borrowed, const char *text, size_t size)
{
        char *copy = strndup(text, size);

        if (!copy)
                return -ENOMEM;
        free(*owner);
        *owner = *borrowed = copy;
        return 0;
}

/* Length of an image name without its tag. */
static size_t repository_size(const char *name, size_t size)
{
        for (size_t i = size; i > 0 && name[i - 1] != '/'; i--)
                if (name[i - 1] == ':')
                        return i - 1;
        return size;
}

static bool name_is_plain(const char *name, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (!isalnum((unsigned char)name[i]) && !strchr("./-_:", name[i]))
                        return false;
        return size > 0;
}

/* Names from the archive are written into documents and shown: they have to be ones, or unknown. */
static bool name_is_known(const char *name)
{
        size_t size = strcspn(name, "@");
        struct sha256 digest;

        return !*name ||
               (name_is_plain(name, size) && (!name[size] || sha256_parse(name + size + 1, &digest)));
}

/* "NAME[:TAG]@sha256:DIGEST" */
static int take_base(struct translation *translation, const char *base, struct error *err)
{
        struct metadata *metadata = &translation->metadata;
        const char *at = strchr(base, '@');
        size_t size = at ? (size_t)(at - base) : 0, repository = at ? repository_size(base, size) : 0;
        _cleanup_free_ char *reference = NULL;
        struct sha256 digest;

        if (!at || !name_is_plain(base, size) || !text_starts_with(at + 1, "sha256:") ||
            !sha256_parse(at + 1, &digest))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` is not the name of an image with its digest (NAME@sha256:DIGEST)",
                                 base);
        if (asprintf(&reference, "%.*s%s", (int)repository, base, at) < 0) {
                reference = NULL;
                return error_oom(err);
        }
        if (translation_replace(&translation->image_reference, &metadata->image_reference, reference,
                                strlen(reference)) < 0)
                return error_oom(err);
        /* Without a tag, the reference is the name. */
        if (repository == size)
                return translation_replace(&translation->image_name, &metadata->image_name, reference,
                                           strlen(reference)) < 0
                               ? error_oom(err)
                               : 0;
        return translation_replace(&translation->image_name, &metadata->image_name, base, size) < 0
                       ? error_oom(err)
                       : 0;
}

int translation_set_image_id(struct translation *translation, const struct sha256 *id)
{
        char hex[SHA256_HEX_SIZE];

        sha256_hex(id, hex);
        return translation_replace(&translation->image_id, &translation->metadata.image_id, hex, strlen(hex));
}

static int take_base_id(struct translation *translation, const char *id, struct error *err)
{
        struct sha256 digest;

        if (!sha256_parse(id, &digest))
                return error_set(err, &ERROR_USAGE, -EINVAL,
                                 "`%s` is not the ID of an image (64 hexadecimal digits)", id);
        return translation_set_image_id(translation, &digest) < 0 ? error_oom(err) : 0;
}

/* An ID that the archive gives belongs to its own base image, not to one that is named in its place. */
static int settle_base(struct translation *translation, const struct translation_options *options,
                       struct error *err)
{
        struct metadata *metadata = &translation->metadata;
        int ret = 0;

        if (options->base) {
                metadata->image_id = (char *)(uintptr_t)"";
                ret = take_base(translation, options->base, err);
        }
        if (ret == 0 && options->base_id)
                ret = take_base_id(translation, options->base_id, err);
        if (ret < 0)
                return ret;
        if (!name_is_known(metadata->image_name) || !name_is_known(metadata->image_reference))
                return error_set(err, &ERROR_ARCHIVE_METADATA, -EBADMSG,
                                 "`%s` has a base image whose name is none",
                                 archive_path(translation->archive));
        if (*metadata->image_id && !sha256_parse(metadata->image_id, &(struct sha256){0}))
                metadata->image_id = (char *)(uintptr_t)"";
        if (!*metadata->image_requested || options->base)
                metadata->image_requested = metadata->image_name;
        return 0;
}

/* All engines but bare bundles have IDs of this form, and expect them. */
static int settle_id(struct translation *translation, struct error *err)
{
        struct metadata *metadata = &translation->metadata;
        _cleanup_free_ char *text = NULL;
        struct sha256 digest;
        int ret;

        if (!sha256_parse(metadata->container_id, &digest) || strlen(metadata->container_id) != 64) {
                if (asprintf(&text, "%s %s", metadata->container_id, metadata->checkpointed) < 0) {
                        text = NULL;
                        return error_oom(err);
                }
                ret = sha256_of(SLICE_TEXT(text), &digest, err);
                if (ret < 0)
                        return ret;
        }
        metadata->container_id = sha256_hex(&digest, translation->container_id);
        return 0;
}

int translate_base(struct translation *translation, const struct translation_options *options,
                   struct error *err)
{
        int ret = settle_base(translation, options, err);

        return ret == 0 ? settle_id(translation, err) : ret;
}
