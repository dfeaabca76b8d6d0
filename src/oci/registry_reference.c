/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include "oci/registry_private.h"

#define TRANSPORT      "docker://"
#define REPOSITORY_MAX 255

static int refuse(const char *text, const char *reason, struct error *err)
{
        int ret = error_set(err, &ERROR_IMAGE_REFERENCE, -EINVAL, "`%.300s`: %s", text, reason);

        error_set_hint(err,
                       "Write `docker://HOST[:PORT]/REPOSITORY[:TAG]`, or `@sha256:…` in place of the tag; "
                       "repositories are in lower case.");
        return ret;
}

bool registry_reference_is_one(const char *text)
{
        return text_starts_with(text, TRANSPORT);
}

/* --- host ---------------------------------------------------------------------------------------------- */

static bool port_is_valid(const char *text)
{
        unsigned long port;
        char *end;

        if (!isdigit((unsigned char)text[0]))
                return false;
        port = strtoul(text, &end, 10);
        return !*end && port > 0 && port <= 65535;
}

/* Labels of letters, digits and inner '-', between single dots. */
static bool name_is_valid(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                bool is_inner = i > 0 && i + 1 < size && text[i - 1] != '.' && text[i + 1] != '.';

                if (!isalnum((unsigned char)text[i]) && !(is_inner && strchr("-.", text[i])))
                        return false;
        }
        return size > 0;
}

static bool host_is_valid(const char *host)
{
        size_t size = strcspn(host, ":");

        if (host[0] == '[') {
                size = strcspn(host, "]");
                if (!host[size] || strspn(host + 1, "0123456789abcdefABCDEF:") != size - 1)
                        return false;
                size++;
        } else if (!name_is_valid(host, size)) {
                return false;
        }
        return !host[size] || (host[size] == ':' && port_is_valid(host + size + 1));
}

/* The first part of a name is a host when it cannot be part of a repository: docker.io is meant otherwise. */
static bool part_is_host(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (text[i] == '.' || text[i] == ':' || isupper((unsigned char)text[i]))
                        return true;
        return size == strlen("localhost") && memcmp(text, "localhost", size) == 0;
}

/* --- repository ---------------------------------------------------------------------------------------- */

/* '.', '_', "__" or any number of '-', between letters and digits. */
static size_t separator_size(const char *text)
{
        size_t dashes = strspn(text, "-");

        if (dashes)
                return dashes;
        if (text[0] == '_')
                return text[1] == '_' ? 2 : 1;
        return text[0] == '.' ? 1 : 0;
}

bool registry_repository_is_valid(const char *text)
{
        static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";

        if (strlen(text) > REPOSITORY_MAX)
                return false;
        for (;;) {
                size_t size = strspn(text, alphanumeric);

                if (!size)
                        return false;
                text += size;
                if (!*text)
                        return true;
                size = *text == '/' ? 1 : separator_size(text);
                if (!size)
                        return false;
                text += size;
        }
}

/* --- the whole ----------------------------------------------------------------------------------------- */

/* "HOST/REPOSITORY" in `name`. */
static int name_parse(const char *text, const char *name, struct registry_reference *out, struct error *err)
{
        const char *slash = strchr(name, '/'), *repository = name;

        if (slash && part_is_host(name, (size_t)(slash - name))) {
                out->host = strndup(name, (size_t)(slash - name));
                repository = slash + 1;
        } else {
                out->host = strdup("docker.io");
        }
        if (out->host && strcmp(out->host, "index.docker.io") == 0)
                strcpy(out->host, "docker.io");
        if (!out->host)
                return error_oom(err);
        if (!host_is_valid(out->host))
                return refuse(text, "this is no host", err);
        if (strcmp(out->host, "docker.io") == 0 && !strchr(repository, '/')) {
                if (asprintf(&out->repository, "library/%s", repository) < 0)
                        out->repository = NULL;
        } else {
                out->repository = strdup(repository);
        }
        if (!out->repository)
                return error_oom(err);
        return registry_repository_is_valid(out->repository)
                       ? 0
                       : refuse(text, "this is no name of a repository", err);
}

int registry_reference_parse(const char *text, struct registry_reference *out, struct error *err)
{
        _cleanup_registry_reference_ struct registry_reference reference = {0};
        _cleanup_free_ char *name = strdup(text + (registry_reference_is_one(text) ? strlen(TRANSPORT) : 0));
        char *at, *slash, *colon;
        const char *tag = NULL;
        int ret;

        if (!name)
                return error_oom(err);
        at = strchr(name, '@');
        if (at) {
                *at = '\0';
                if (!text_starts_with(at + 1, "sha256:") || !sha256_parse(at + 1, &reference.digest))
                        return refuse(text, "the digest is not `sha256:` and 64 digits", err);
                reference.has_digest = true;
        }
        slash = strrchr(name, '/');
        colon = strrchr(name, ':');
        if (colon && (!slash || colon > slash)) {
                *colon = '\0';
                tag = colon + 1;
        } else if (!at) {
                tag = "latest";
        }
        if (tag && !image_tag_is_valid(tag))
                return refuse(text, "the tag is none (letters, digits, '_', '.', '-', at most 128)", err);
        ret = name_parse(text, name, &reference, err);
        if (ret == 0 && tag && !(reference.tag = strdup(tag)))
                ret = error_oom(err);
        if (ret < 0)
                return ret;
        *out = reference;
        reference = (struct registry_reference){0};
        return 0;
}

void registry_reference_free(struct registry_reference *reference)
{
        free(reference->host);
        free(reference->repository);
        free(reference->tag);
        *reference = (struct registry_reference){0};
}

int registry_reference_append(const struct registry_reference *reference, struct buffer *out)
{
        char hex[SHA256_HEX_SIZE];
        int ret = buffer_printf(out, TRANSPORT "%s/%s", reference->host, reference->repository);

        if (ret == 0 && reference->tag)
                ret = buffer_printf(out, ":%s", reference->tag);
        if (ret == 0 && reference->has_digest)
                ret = buffer_printf(out, "@sha256:%s", sha256_hex(&reference->digest, hex));
        return ret;
}
