/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include "oci/errors.h"
#include "oci/image.h"
#include "oci/registry_client.h"

static const struct {
        const char *prefix;
        enum image_transport transport;
} transports[] = {{"oci:", IMAGE_OCI}, {"oci-archive:", IMAGE_OCI_ARCHIVE}, {"docker://", IMAGE_DOCKER}};

bool image_tag_is_valid(const char *tag)
{
        size_t size = strlen(tag);

        if (!size || size > 128 || tag[0] == '.' || tag[0] == '-')
                return false;
        for (size_t i = 0; i < size; i++)
                if (!isalnum((unsigned char)tag[i]) && !strchr("_.-", tag[i]))
                        return false;
        return true;
}

static const char *after_transport(const char *text, enum image_transport *transport)
{
        for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
                if (text_starts_with(text, transports[i].prefix)) {
                        *transport = transports[i].transport;
                        return text + strlen(transports[i].prefix);
                }
        return NULL;
}

bool image_reference_is_one(const char *text)
{
        enum image_transport transport;

        return after_transport(text, &transport) != NULL;
}

/* A digest says more than a tag. */
static char *registry_tag(const struct registry_reference *registry)
{
        char digest[7 + SHA256_HEX_SIZE] = "sha256:";

        if (!registry->has_digest)
                return strdup(registry->tag);
        sha256_hex(&registry->digest, digest + 7);
        return strdup(digest);
}

static int parse_in_registry(const char *path, struct image_reference *out, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference registry = {0};
        int ret = registry_reference_parse(path, &registry, err);

        if (ret < 0)
                return ret;
        out->path = strdup(path);
        out->tag = registry_tag(&registry);
        return out->path && out->tag ? 0 : error_oom(err);
}

static int parse_in_layout(const char *text, const char *path, struct image_reference *out, struct error *err)
{
        const char *tag = "latest", *colon, *slash;

        colon = strrchr(path, ':');
        slash = strrchr(path, '/');
        /* As with skopeo, a ':' in the path itself cannot be written. */
        if (colon && (!slash || colon > slash))
                tag = colon + 1;
        else
                colon = path + strlen(path);
        if (colon == path)
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL, "`%s` has no path", text);
        if (!image_tag_is_valid(tag))
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s`: `%s` is not a tag (letters, digits, '_', '.', '-')", text, tag);
        out->path = strndup(path, (size_t)(colon - path));
        out->tag = strdup(tag);
        return out->path && out->tag ? 0 : error_oom(err);
}

int image_reference_parse(const char *text, struct image_reference *out, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        const char *path = after_transport(text, &reference.transport);
        int ret;

        if (!path)
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` names no known place for an image", text);
        ret = reference.transport == IMAGE_DOCKER ? parse_in_registry(path, &reference, err)
                                                  : parse_in_layout(text, path, &reference, err);
        if (ret < 0)
                return ret;
        *out = reference;
        reference = (struct image_reference){0};
        return 0;
}

void image_reference_free(struct image_reference *reference)
{
        free(reference->path);
        free(reference->tag);
        *reference = (struct image_reference){0};
}
