/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include "oci/errors.h"
#include "oci/image.h"

static const struct {
        const char *prefix;
        enum image_transport transport;
} transports[] = {{"oci:", IMAGE_OCI}, {"oci-archive:", IMAGE_OCI_ARCHIVE}};

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

int image_reference_parse(const char *text, struct image_reference *out, struct error *err)
{
        _cleanup_image_reference_ struct image_reference reference = {0};
        const char *path = after_transport(text, &reference.transport), *colon, *slash;
        const char *tag = "latest";

        if (!path)
                return error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL,
                                 "`%s` names no known place for an image", text);
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
        reference.path = strndup(path, (size_t)(colon - path));
        reference.tag = strdup(tag);
        if (!reference.path || !reference.tag)
                return error_oom(err);
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
