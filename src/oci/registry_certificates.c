/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/registry_certificates.h"

#include <errno.h>
#include <fcntl.h>
#include "base/file.h"
#include "net/errors.h"

#define AUTHORITIES_LIMIT (1 * MIB) /* of one file */
#define DIRECTORY         "containers/certs.d"

/* PATH/HOST. NULL when it is not there, or not for us. */
static DIR *directory_open(const char *parent, const char *host, char **path)
{
        if (asprintf(path, "%s/%s", parent, host) < 0) {
                *path = NULL;
                return NULL;
        }
        return opendir(*path);
}

/* That of the person, to be freed; NULL when it is not known. */
static char *user_directory(void)
{
        const char *configuration = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
        char *path = NULL;
        int n = -1;

        if (configuration && *configuration)
                n = asprintf(&path, "%s/" DIRECTORY, configuration);
        else if (home && *home)
                n = asprintf(&path, "%s/.config/" DIRECTORY, home);
        return n < 0 ? NULL : path;
}

static DIR *directory_find(const char *host, char **path)
{
        _cleanup_free_ char *user = user_directory();
        const char *const parents[] = {user, "/etc/" DIRECTORY, "/etc/docker/certs.d"};
        DIR *dir = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(parents) && !dir; i++) {
                free(steal_ptr(*path));
                if (parents[i])
                        dir = directory_open(parents[i], host, path);
        }
        return dir;
}

/* The pair whose name comes first stays. */
static int take_pair(const char *directory, const char *name, struct registry_certificates *out,
                     struct error *err)
{
        int stem = (int)(strlen(name) - strlen(".cert"));
        char *certificate, *key;

        if (asprintf(&certificate, "%s/%s", directory, name) < 0)
                return error_oom(err);
        if (out->certificate && strcmp(out->certificate, certificate) <= 0) {
                free(certificate);
                return 0;
        }
        free(out->certificate);
        out->certificate = certificate;
        if (asprintf(&key, "%s/%.*s.key", directory, stem, name) < 0)
                return error_oom(err);
        free(out->key);
        out->key = key;
        return 0;
}

static int take_file(int dir, const char *directory, const char *name, struct registry_certificates *out,
                     struct error *err)
{
        int ret;

        if (text_ends_with(name, ".cert"))
                return take_pair(directory, name, out, err);
        if (!text_ends_with(name, ".crt"))
                return 0;
        ret = file_read(dir, name, AUTHORITIES_LIMIT, &out->authorities, err);
        if (ret < 0)
                return error_wrap(err, ret, "`%s`", directory);
        /* A file need not end with a newline, but one certificate must not begin in the line of another. */
        return buffer_append_text(&out->authorities, "\n") < 0 ? error_oom(err) : 0;
}

int registry_certificates_find(const char *host, struct registry_certificates *out, struct error *err)
{
        _cleanup_registry_certificates_ struct registry_certificates found = {0};
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *dir = directory_find(host, &path);
        struct dirent *entry;
        int ret = 0;

        *out = (struct registry_certificates){0};
        while (dir && ret == 0 && (entry = readdir(dir)))
                ret = take_file(dirfd(dir), path, entry->d_name, &found, err);
        if (ret == 0 && found.key && access(found.key, F_OK) < 0)
                ret = error_set(err, &ERROR_TLS_OWN, -EINVAL, "the certificate `%s` is without its key `%s`",
                                found.certificate, found.key);
        if (ret < 0)
                return ret;
        *out = found;
        found = (struct registry_certificates){0};
        return 0;
}

void registry_certificates_free(struct registry_certificates *certificates)
{
        buffer_free(&certificates->authorities);
        free(certificates->certificate);
        free(certificates->key);
        *certificates = (struct registry_certificates){0};
}
